"""What was recorded of v1.17.1's orchestrator besides its answers: what its node saw, and its metrics."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.executor.stand import TRANSCRIPTS, executor, settings, unit
from tests.unit.executor.test_api import RecordedNode, recorded

pytestmark = pytest.mark.asyncio
CURL = {"User_Agent": "curl/7.88.1", "Accept": "*/*"}
# Made anew for each request, or Go's client's own: tracing's field (v1.17.1 sends it always), and what it can unpack.
CHANGING = {"host", "seldon-puid", "uber-trace-id", "accept-encoding"}
CONTAINERS = [{"spec": {"containers": [{"name": "c", "image": "seldonio/foo:1.2"}]}}]


def text() -> str:
    if not TRANSCRIPTS.is_dir():
        pytest.skip("the recorded exchanges are not beside this checkout")
    return (TRANSCRIPTS / "executor_single_model.txt").read_text()


@asynccontextmanager
async def replayed() -> AsyncIterator[tuple[RecordedNode, str]]:
    """All recorded requests, asked while the node ran: the node, and the metrics then."""
    node = RecordedNode()
    graph = unit("c", await node.start())
    async with executor(settings(graph, componentSpecs=CONTAINERS, annotations={"version": "vv"})) as client:
        for exchange in recorded():
            if exchange.status == 503:
                break
            fields = {name.replace("-", "_"): value for name, value in exchange.fields.items()}
            await client.ask(exchange.method, exchange.path, exchange.body, **CURL, **fields)
        yield node, (await client.ask("GET", "/metrics")).body.decode()
    node.stop()


async def test_the_node_sees_the_recorded_requests() -> None:
    want = [json.loads(line) for line in text().splitlines() if line.startswith("[9000, ")]
    async with replayed() as (node, _):
        # Our probes ask for more than whether the port is open (docs/deviations.md), with fields of their own alone.
        seen = [one for one in node.seen if one[1] != "/health/status" or "user-agent" in one[2]]
    # A kept connection that the node closes without an answer is no failure yet: the request goes once more.
    twice = [one for one in seen if one[3] == b'{"strData":"die"}']
    assert len(twice) == 2
    seen.remove(twice[1])
    asked = [(method, path, body.decode()) for method, path, _, body in seen]
    assert asked == [(one[1], one[2], one[4]) for one in want]
    for (_, path, mine, _), (_, _, _, theirs, _) in zip(seen, want, strict=True):
        assert _stable(mine) == _stable(theirs), path
        assert ("content-length" in mine) == ("Content-Length" in theirs)
        if theirs["Seldon-Puid"] == "abc":
            assert mine["seldon-puid"] == "abc"


def _stable(fields: dict[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in fields.items()}
    return {name: value for name, value in lower.items() if name not in CHANGING}


async def test_the_recorded_metrics_are_there_with_the_recorded_counts() -> None:
    """All lines of v1.17.1's own series; those of Go's runtime are another's."""
    section = text().partition("METRICS\n")[2]
    want = dict(_series(section))
    async with replayed() as (_, got):
        mine = dict(_series(got))
    assert len(want) > 50
    assert want.keys() <= mine.keys(), min(set(want) - set(mine))
    counted = [key for key in want if key[0].endswith("_count")]
    assert len(counted) > 10
    assert {key: mine[key] for key in counted} == {key: want[key] for key in counted}
    kinds = re.findall(r"^# TYPE seldon_api_executor_\S+ \S+$", section, re.MULTILINE)
    assert set(kinds) <= set(got.splitlines())
    assert len(kinds) == 4


def _series(exposition: str) -> list[tuple[tuple[Any, ...], float]]:
    found = re.findall(r"^(seldon_api_executor_\w+)\{(.*)\} (\S+)$", exposition, re.MULTILINE)
    return [((name, *sorted(re.findall(r'(\w+="[^"]*")', labels))), float(value)) for name, labels, value in found]
