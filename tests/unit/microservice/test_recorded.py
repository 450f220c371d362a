"""What was recorded of v1.17.1's wrapper, replayed: the same class, the same requests, the same answers."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import json
import re
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from tests.unit.microservice.stand import TRANSCRIPTS, Client, serving

pytestmark = pytest.mark.asyncio


class Model:
    """The class of the recording, as its answers show it."""

    seen: ClassVar[list[str]] = []
    """What its methods were given, in the words in which the recorded class printed it."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        plain = X.tolist() if isinstance(X, np.ndarray) else X
        self.seen.append(f"X {type(X)} {getattr(X, 'dtype', None)} {plain} {list(names)} {meta or None}")
        first = X.ravel()[0] if isinstance(X, np.ndarray) and X.size else None
        if not isinstance(X, np.ndarray):
            return X
        answers = {97: [["a", "b"]], 98: None}
        if first == 99:
            raise ValueError("boom")
        return answers[first] if first in answers else X * 2

    def route(self, features: Any, names: Any) -> int:
        return 1

    def aggregate(self, features: Any, names: Any) -> Any:
        return features[0]

    def send_feedback(self, features: Any, names: Any, reward: Any, truth: Any, routing: Any = None) -> None:
        assert (features.tolist(), list(names), reward, truth.tolist(), routing) == ([[1.0]], [], 1.5, [[1.0]], 1)
        assert features.dtype == truth.dtype == np.float64
        self.seen.append(f"FB {features} {list(names)} {reward} {truth} {routing}")

    def health_status(self) -> str:
        return "healthy"

    def tags(self) -> dict[str, Any]:
        return {"t": 1}

    def metrics(self) -> list[dict[str, Any]]:
        return [
            {"type": "COUNTER", "key": "mycounter", "value": 1, "tags": {"k": "v"}},
            {"type": "GAUGE", "key": "mygauge", "value": 100},
            {"type": "TIMER", "key": "mytimer", "value": 20.2},
        ]


class Recorded(msgspec.Struct, frozen=True):
    method: str
    path: str
    content_type: str
    body: bytes
    status: int
    answer_type: str
    answer: str


def recorded() -> list[Recorded]:
    if not TRANSCRIPTS.is_dir():
        pytest.skip("the recorded exchanges are not beside this checkout")
    text = (TRANSCRIPTS / "python_wrapper.txt").read_text().partition("HTTP/1.1 200 OK")[0]
    return [_exchange(block) for block in re.split(r"^### ", text, flags=re.MULTILINE)[1:]]


def _exchange(block: str) -> Recorded:
    command, status, answer = block.split("\n")[:3]
    target = re.search(r"localhost:9000(\S*)", command)
    method = re.match(r"-X(\w+)", command)
    body = command.partition(" -d ")[2]
    declared = re.search(r"-H Content-Type: (\S+)", command)
    content_type = declared[1] if declared else "application/x-www-form-urlencoded" if body else ""
    if form := command.partition(" -F ")[2]:
        name, _, value = form.partition("=")
        body = f'--bb\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--bb--\r\n'
        content_type = "multipart/form-data; boundary=bb"
    assert target is not None
    code, _, answer_type = status.partition(" ")
    return Recorded(
        method[1] if method else "GET", target[1], content_type, body.encode(), int(code), answer_type, answer
    )


async def replay(client: Client, exchange: Recorded) -> None:
    got = await client.ask(exchange.method, exchange.path, exchange.body, exchange.content_type)
    where = f"{exchange.method} {exchange.path} {exchange.body!r}"
    if exchange.path == "/nope":  # an unknown path was a 500 with a text about 404: marked as a defect
        assert (got.status, json.loads(got.body)["status"]["reason"]) == (404, "MICROSERVICE_NOT_FOUND")
        return
    assert got.status == exchange.status, where
    assert got.headers.get("content-type") == exchange.answer_type, where
    assert got.body.decode() == exchange.answer, where


async def test_recorded_exchanges_replay() -> None:
    exchanges = recorded()
    async with serving(Model) as client:
        for exchange in exchanges:
            await replay(client, exchange)
    assert len(exchanges) > 25


async def test_the_class_is_given_what_was_recorded() -> None:
    exchanges = recorded()
    printed = (TRANSCRIPTS / "python_wrapper.txt").read_text().splitlines()
    want = [line for line in printed if line.startswith(("X <class", "FB "))]
    Model.seen.clear()
    async with serving(Model) as client:
        for exchange in exchanges:
            await client.ask(exchange.method, exchange.path, exchange.body, exchange.content_type)
    assert len(want) > 10
    assert Model.seen == want


async def test_all_recorded_series_are_there_with_their_values() -> None:
    exchanges = recorded()
    text = (TRANSCRIPTS / "python_wrapper.txt").read_text().partition("HTTP/1.1 200 OK")[2]
    async with serving(Model) as client:
        for exchange in exchanges:
            await client.ask(exchange.method, exchange.path, exchange.body, exchange.content_type)
        got = dict(_series(await client.metrics()))
    want = dict(_series(text))
    assert len(want) > 10
    assert {key: got.get(key) for key in want} == pytest.approx(want)
    for kind in re.findall(r"^# TYPE \w+ \w+$", text, re.MULTILINE):
        assert kind.split()[2].removesuffix("_total") in {name.removesuffix("_total") for name, *_ in got} | {"mytimer"}


def _series(exposition: str) -> list[tuple[tuple[Any, ...], float]]:
    """Name and labels of each sample but the process's number, with its value. The last digit of an edge is free."""
    exposition = re.sub(r'le="([0-9.]+)"', lambda edge: f'le="{float(edge[1]):.9g}"', exposition)
    found = re.findall(r"^(my\w+)\{(.*)\} (\S+)$", exposition, re.MULTILINE)
    split = [(name, re.findall(r'(\w+="[^"]*")', labels), float(value)) for name, labels, value in found]
    return [((name, *sorted(one for one in labels if "worker_id" not in one)), value) for name, labels, value in split]


async def test_recorded_metrics() -> None:
    labels = (
        'deployment_name="sd",image_name="repo/img",image_version="1.0",k="v",method="predict",model_image="repo/img",'
        'model_name="classifier",model_version="1.0",predictor_name="default",predictor_version="v9",'
        'seldon_deployment_name="sd"'
    )
    async with serving(Model) as client:
        for _ in range(11):
            await client.predict({"data": {"ndarray": [[1]]}})
        text = await client.metrics()
    text = re.sub(r',worker_id="\d+"', "", text)
    assert f"mycounter_total{{{labels}}} 11.0" in text
    without = labels.replace('k="v",', "")
    assert f"mygauge{{{without}}} 100.0" in text
    assert f"mytimer_count{{{without}}} 11.0" in text
    total = re.search(rf"mytimer_sum{{{re.escape(without)}}} (\S+)", text)
    assert total is not None
    assert float(total[1]) == pytest.approx(0.2222)
    edges = [float(edge) for edge in re.findall(r'mytimer_bucket{.*le="([0-9.]+)"', text)]
    assert edges[:2] == pytest.approx([0.001, 0.0012341553253454693])
    assert (len(edges), edges[-1]) == (50, pytest.approx(30))
