"""The user's code in its threads: batches, failures that must stay in their request, health checks that hang."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import asyncio
import socket
import struct
import threading
from typing import Any

import pytest

from seldon_core.microservice.errors import MicroserviceError
from tests.unit.microservice.stand import Client, serving

pytestmark = pytest.mark.asyncio


class Batched:
    """Each row is answered by itself; a row that starts with -1 fails, as does a call of rows of unequal kind."""

    batches = True

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.begun = threading.Event()
        self.release = threading.Event()

    def predict(self, X: Any, names: Any) -> Any:
        self.calls.append(len(X))
        self.begun.set()
        self.release.wait(20)
        if (X[:, 0] == -1).any():
            raise MicroserviceError("minus one")
        return X.sum(axis=1, keepdims=True)


async def test_requests_that_wait_go_into_one_call_and_a_bad_row_fails_alone() -> None:
    made: list[Batched] = []

    class Mine(Batched):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    async with serving(Mine) as client:
        first = asyncio.ensure_future(client.predict({"data": {"ndarray": [[1.0, 1.0]]}}))
        assert await asyncio.to_thread(made[0].begun.wait, 5)
        rows: list[Any] = [[[n, 0.5]] for n in range(10)] + [[[1.0, 2.0], [3.0, 4.0]]]
        others = [asyncio.ensure_future(client.predict({"data": {"ndarray": one}})) for one in rows]
        wide = asyncio.ensure_future(client.predict({"data": {"ndarray": [[1.0, 2.0, 3.0]]}}))
        await _under_way(client, 13)
        made[0].release.set()
        assert (await first)["data"]["ndarray"] == [[2.0]]
        assert [(await one)["data"]["ndarray"] for one in others] == [[[n + 0.5]] for n in range(10)] + [[[3.0], [7.0]]]
        assert (await wide)["data"]["ndarray"] == [[6.0]]
        assert sorted(made[0].calls) == [1, 1, 12]
        made[0].release.clear()
        made[0].begun.clear()
        blocker = asyncio.ensure_future(client.predict({"data": {"ndarray": [[1.0, 1.0]]}}))
        assert await asyncio.to_thread(made[0].begun.wait, 5)
        pair = [asyncio.ensure_future(client.predict({"data": {"ndarray": [[n, 1.0]]}})) for n in (-1.0, 5.0)]
        await _under_way(client, 3)
        made[0].release.set()
        await blocker
        assert (await pair[0])["status"]["info"] == "minus one"
        assert (await pair[1])["data"]["ndarray"] == [[6.0]]


async def _under_way(client: Client, requests: int, *, exactly: bool = False) -> None:
    """Wait until the server works on so many requests at once, or on more."""
    connections = client.service.server._shared.connections
    async with asyncio.timeout(5):
        while True:
            now = sum(one._active is not None for one in connections)
            if now == requests or (now > requests and not exactly):
                return
            await asyncio.sleep(0.001)  # the server's state has no event


@pytest.mark.parametrize("batches", [True, False])
@pytest.mark.parametrize("failure", [StopIteration("no more"), SystemExit(3)])
async def test_failures_that_no_future_carries_cost_their_own_request_alone(
    batches: bool,  # noqa: FBT001 - a table's column
    failure: BaseException,
) -> None:
    class Mine:
        def __init__(self) -> None:
            self.batches = batches

        def predict(self, X: Any, names: Any) -> Any:
            if X[0][0] == -1:
                raise failure
            return X

    async with serving(Mine) as client:
        got = await asyncio.wait_for(client.predict({"data": {"ndarray": [[-1.0]]}}), 5)
        assert got["status"]["info"] == f"{type(failure).__name__} left the component's code: {failure}"
        assert (await client.predict({"data": {"ndarray": [[2.0]]}}))["data"]["ndarray"] == [[2.0]]


async def test_a_health_check_that_hangs_is_run_once_however_often_it_is_asked_for() -> None:
    begun, release = threading.Event(), threading.Event()
    calls: list[int] = []

    class Mine:
        def health_status(self) -> Any:
            calls.append(1)
            begun.set()
            release.wait(20)
            return "fine"

    async with serving(Mine) as client:
        _, first = await asyncio.open_connection("127.0.0.1", client.port)
        first.write(b"GET /health/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.to_thread(begun.wait, 5)
        checks = [asyncio.ensure_future(client.ask("GET", "/health/status")) for _ in range(4)]
        await _under_way(client, 5)
        raw: socket.socket = first.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.close()  # by a reset: the one that asked first is gone, and the others still wait
        await _under_way(client, 4, exactly=True)
        release.set()
        assert [(await check).status for check in checks] == [200] * 4
        assert len(calls) == 1
        assert (await client.ask("GET", "/health/status")).status == 200
        assert len(calls) == 2


async def test_a_custom_service_runs_beside_the_model_and_its_end_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[str] = asyncio.Queue()
    release = threading.Event()

    class Serves:
        def load(self) -> None:
            self.model = "loaded"

        def custom_service(self) -> None:
            loop.call_soon_threadsafe(asked.put_nowait, self.model)
            release.wait(20)
            raise SystemExit(1)

        def predict(self, X: Any, names: Any) -> Any:
            return X

    async with serving(Serves) as client:
        assert await asyncio.wait_for(asked.get(), 5) == "loaded"
        assert (await client.predict({"strData": "x"}))["strData"] == "x"
        thread = next(one for one in threading.enumerate() if one.name == "custom")
        release.set()
        await asyncio.to_thread(thread.join, 10)
        assert "custom_service failed" in caplog.text
        assert (await client.predict({"strData": "x"}))["strData"] == "x"
