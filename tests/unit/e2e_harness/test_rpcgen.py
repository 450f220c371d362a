"""The load over gRPC, on a real server: each way to fail is counted, and nothing is sent again."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.harness import iris, load
from tests.e2e.harness.load import Load
from tests.e2e.harness.loadgen import BODY, STATUS, TIMEOUT, Record
from tests.e2e.harness.rpcgen import RpcGenerator
from tests.unit.e2e_harness.rpcserver import answer_of, right, serving

pytestmark = pytest.mark.asyncio


async def asked(target: str, *numbers: int, seconds: float = 5.0) -> list[Record]:
    records: list[Record] = []
    generator = RpcGenerator(target, (("seldon", "iris"),), fresh_every=4, timeout=seconds, write=records.append)
    for number in numbers:
        await generator.ask(number)
    await generator.close()
    return records


async def test_right_answers_on_kept_and_on_new_connections() -> None:
    connections: set[str] = set()
    async with serving(connections=connections) as target:
        records = await asked(target, *range(9))

    assert [(record.kind, record.answered_by) for record in records] == [("", "classifier")] * 9
    assert [record.number for record in records if record.fresh] == [0, 4, 8]
    assert len(connections) == 4
    assert all(peer.endswith(" iris") for peer in connections)


async def test_the_answer_to_another_row_is_none() -> None:
    async def other(_: Any, __: Any) -> Any:
        return answer_of(iris.row(7))

    async with serving(other) as target:
        (record,) = await asked(target, 1)

    assert (record.kind, record.answered_by) == (BODY, "")
    assert "off by" in record.text


async def test_a_refused_call_is_lost_and_not_sent_again() -> None:
    calls = 0

    async def refuse(_: Any, context: Any) -> Any:
        nonlocal calls
        calls += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    async with serving(refuse) as target:
        (record,) = await asked(target, 1)

    assert (record.kind, record.text) == (STATUS, "UNAVAILABLE: not now")
    assert calls == 1


async def test_no_server_is_a_loss() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        (record,) = await asked(f"127.0.0.1:{unused.getsockname()[1]}", 0)

    assert record.kind == STATUS
    assert record.text.startswith("UNAVAILABLE: ")


async def test_an_answer_that_does_not_come_is_a_loss() -> None:
    async def hang(message: Any, context: Any) -> Any:
        await asyncio.Event().wait()
        return await right(message, context)

    async with serving(hang) as target:
        (record,) = await asked(target, 1, seconds=0.2)

    assert record.kind == TIMEOUT


async def test_a_load_over_grpc_is_a_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MARGIN_SECONDS", 0.3)

    def run(target: str) -> Load:
        with Load(f"grpc://{target}", tmp_path, headers={"seldon": "iris"}) as running, running.during("nothing"):
            running.until(10)
        return running

    connections: set[str] = set()
    async with serving(connections=connections) as target:
        running = await asyncio.to_thread(run, target)

    running.assert_nothing_lost()
    assert all(peer.endswith(" iris") for peer in connections)
