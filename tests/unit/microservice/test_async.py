"""Coroutine functions as a component's methods: they run in the event loop, many at once."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import asyncio
import json
from typing import Any

import pytest

from seldon_core.proto import prediction_pb2
from seldon_core.user_model import SeldonNotImplementedError
from tests.unit.microservice.stand import serving


class Async:
    """Answers once as many requests as `together` wait."""

    together = 1

    def __init__(self) -> None:
        self.waiting = 0
        self.loop: Any = None
        self.all = asyncio.Event()

    async def load(self) -> None:
        self.loop = asyncio.get_running_loop()

    async def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        assert asyncio.get_running_loop() is self.loop
        if X == "exit":
            raise SystemExit(3)
        if X == "boom":
            raise ValueError("boom")
        self.waiting += 1
        if self.waiting >= self.together:
            self.all.set()
        await self.all.wait()
        return f"{X} {self.waiting}"

    async def transform_input(self, X: Any, names: Any) -> Any:
        raise SeldonNotImplementedError

    async def route(self, features: Any, names: Any) -> int:
        return 1

    async def aggregate(self, features: Any, names: Any) -> Any:
        return features[-1]

    async def send_feedback(self, features: Any, names: Any, reward: Any, truth: Any, routing: Any = None) -> Any:
        return [[reward]]

    async def health_status(self) -> str:
        return "well"

    async def transform_output_raw(self, message: Any) -> Any:
        return {"strData": "raw"} if isinstance(message, dict) else prediction_pb2.SeldonMessage(strData="raw")

    def tags(self) -> dict[str, Any]:
        return {"t": 1}


async def test_requests_are_answered_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Async, "together", 20)
    async with serving(Async) as client:
        rest = [client.predict({"strData": "x"}) for _ in range(10)]
        rpc = [client.rpc("Model/Predict", prediction_pb2.SeldonMessage(strData="x")) for _ in range(10)]
        answers = await asyncio.wait_for(asyncio.gather(*rest, *rpc), 20)
    assert {one["strData"] for one in answers[:10]} == {"x 20"}
    assert answers[0]["meta"]["tags"] == {"t": 1}


async def test_every_method_may_be_one() -> None:
    one: dict[str, Any] = {"data": {"ndarray": [[2]]}}
    async with serving(Async) as client:
        paths: dict[str, tuple[Any, Any]] = {
            "/transform-input": (one, [[2]]),
            "/route": (one, [[1]]),
            "/aggregate": ([one, {"data": {"ndarray": [[3]]}}], [[3]]),
            "/send-feedback": ({"request": one, "reward": 0.5}, [[0.5]]),
        }
        for path, (sent, expected) in paths.items():
            answer = await client.post(path, sent)
            assert (answer.status, json.loads(answer.body)["data"]["ndarray"]) == (200, expected), path
        assert json.loads((await client.post("/transform-output", one)).body) == {"strData": "raw"}
        assert json.loads((await client.ask("GET", "/health/status")).body)["strData"] == "well"
        text = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "BYTES", "data": ["v2"]}]}
        v2 = await client.post("/v2/models/classifier/infer", text)
        assert json.loads(v2.body)["outputs"][0]["data"] == ["[['v2']] 1"]


@pytest.mark.parametrize(("sent", "info"), [("boom", "boom"), ("exit", "SystemExit left the component's code: 3")])
async def test_a_failure_costs_its_own_request_alone(sent: str, info: str) -> None:
    async with serving(Async) as client:
        answer = await client.post("/predict", {"strData": sent})
        assert (answer.status, json.loads(answer.body)["status"]["info"]) == (500, info)
        assert (await client.predict({"strData": "x"}))["strData"] == "x 1"
