"""The walk over real nodes: who is called, in which order, with what."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seldon_core.transport.server import Request, Response
from tests.unit.executor.stand import Node, decoded, executor, settings, unit

pytestmark = pytest.mark.asyncio


def appends(name: str) -> Callable[[Request], Response]:
    """A node whose answer to each step is what it got, with the step's name behind it."""

    def answer(request: Request) -> Response:
        if request.path.endswith("/health/status"):
            return Response(200)
        got = json.loads(request.body)
        if request.path == "/aggregate":
            got = [item for one in got for item in one]
        return Response(200, json.dumps([*got, f"{name}{request.path}"]).encode())

    return answer


async def nodes(**answers: Any) -> dict[str, Node]:
    return {name: await Node(answer or appends(name)).start() for name, answer in answers.items()}


async def test_a_chain_of_models_feeds_each_answer_to_the_next() -> None:
    n = await nodes(a=None, b=None, c=None)
    graph = unit("a", n["a"], "MODEL", unit("b", n["b"], "MODEL", unit("c", n["c"])))
    async with executor(settings(graph)) as client:
        assert decoded(await client.predict(["x"])) == ["x", "a/predict", "b/predict", "c/predict"]


async def test_transformers_around_a_model() -> None:
    n = await nodes(t=None, o=None, m=None, both=None)
    methods = ["TRANSFORM_INPUT", "TRANSFORM_OUTPUT"]
    inner = unit("both", n["both"], "", unit("m", n["m"]), methods=methods)
    graph = unit("o", n["o"], "OUTPUT_TRANSFORMER", unit("t", n["t"], "TRANSFORMER", inner))
    async with executor(settings(graph)) as client:
        steps = [
            "t/transform-input",
            "both/transform-input",
            "m/predict",
            "both/transform-output",
            "o/transform-output",
        ]
        assert decoded(await client.predict([])) == steps


async def test_a_combiner_gets_all_answers_in_the_children_s_order() -> None:
    n = await nodes(comb=None, a=None, b=None)
    graph = unit("comb", n["comb"], "COMBINER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        assert decoded(await client.predict([1])) == [1, "a/predict", 1, "b/predict", "comb/aggregate"]


async def test_children_without_a_combiner_all_run_and_the_first_answers() -> None:
    n = await nodes(t=None, a=None, b=None)
    graph = unit("t", n["t"], "TRANSFORMER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        assert decoded(await client.predict([]))[-1] == "a/predict"
        assert n["b"].paths == ["/predict"]


@pytest.mark.parametrize(
    ("route", "called"),
    [
        ({"data": {"ndarray": [[1]]}}, ["b"]),
        ({"data": {"tensor": {"shape": [1, 1], "values": [0.0]}}}, ["a"]),
        ([1], ["b"]),
        ({"data": {"ndarray": [[-1]]}}, ["a", "b"]),
        ({"data": {"ndarray": [[-2]]}}, []),
    ],
)
async def test_a_router_chooses(route: Any, called: list[str]) -> None:
    n = await nodes(r={"/route": route}, a=None, b=None)
    graph = unit("r", n["r"], "ROUTER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        answer = decoded(await client.predict(["x"]))
        assert answer == (["x", f"{called[0]}/predict"] if called else ["x"])
        assert [name for name in ("a", "b") if n[name].requests] == called


@pytest.mark.parametrize(
    "route",
    [
        {"data": {"ndarray": [[2]]}},
        {"data": {"ndarray": [[-3]]}},
        {"data": {"ndarray": [["x"]]}},
        {"data": {"ndarray": [[0.5]]}},
        {"data": {"ndarray": [[True]]}},
        {"data": {"ndarray": []}},
        {"strData": "1"},
        {},
        [],
        1.5,
        None,
    ],
)
async def test_a_router_that_answers_nonsense_is_a_clean_500(route: Any) -> None:
    n = await nodes(r={"/route": route}, a=None, b=None)
    graph = unit("r", n["r"], "ROUTER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        answer = await client.predict(["x"])
        assert answer.status == 500
        assert "outer r" in decoded(answer)["status"]["info"]
        assert not n["a"].requests


async def test_a_b_test_shares_out_by_its_ratio() -> None:
    n = await nodes(a=None, b=None)
    parameters = [{"name": "ratioA", "value": "0.25", "type": "FLOAT"}]
    children = unit("a", n["a"]), unit("b", n["b"])
    graph = unit("ab", None, "", *children, implementation="RANDOM_ABTEST", parameters=parameters)
    async with executor(settings(graph)) as client:
        answers = [decoded(await client.predict([]))[0] for _ in range(400)]
    assert 50 < answers.count("a/predict") < 150


async def test_the_first_failure_is_the_answer_without_waiting_for_the_others() -> None:
    release = asyncio.Event()

    async def slow() -> Response:
        await release.wait()
        return Response(200, b"[]")

    n = await nodes(comb=None, a=lambda _: slow(), b=lambda _: Response(418, b'{"teapot": "<b>"}'))
    graph = unit("comb", n["comb"], "COMBINER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        answer = await asyncio.wait_for(client.predict([]), 5)
        assert (answer.status, answer.body) == (418, b'{"teapot": "<b>"}'), "a node's error is passed on verbatim"
        assert not n["comb"].requests
    release.set()


async def test_feedback_reaches_the_children_that_answered_first_and_then_the_root() -> None:
    order: list[str] = []

    def says(name: str) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            order.append(f"{name}{request.path}")
            return Response(200, json.dumps({"from": name}).encode())

        return answer

    n = await nodes(r=says("r"), a=says("a"), b=says("b"), t=says("t"))
    graph = unit("r", n["r"], "ROUTER", unit("a", n["a"]), unit("t", n["t"], "TRANSFORMER", unit("b", n["b"])))
    feedback = {"reward": 1, "response": {"meta": {"routing": {"r": 1}}}}
    async with executor(settings(graph)) as client:
        answer = await client.ask("POST", "/api/v1.0/feedback", json.dumps(feedback).encode())
        assert decoded(answer) == {"from": "r"}
        assert order == ["b/send-feedback", "r/send-feedback"]
        order.clear()
        await client.ask("POST", "/api/v0.1/feedback", b'{"reward": 1}')
        assert sorted(order) == ["a/send-feedback", "b/send-feedback", "r/send-feedback"]
        wrong = {"response": {"meta": {"routing": {"r": 7}}}}
        refused = await client.ask("POST", "/api/v1.0/feedback", json.dumps(wrong).encode())
        assert refused.status == 500
        assert "child 7 of r" in decoded(refused)["status"]["info"]


async def test_routing_is_written_into_meta_where_asked_for() -> None:
    n = await nodes(r={"/route": [1]}, a=None, b={"/predict": {"data": {"ndarray": [1]}, "meta": {"puid": "x"}}})
    graph = unit("r", n["r"], "ROUTER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(settings(graph, env={"SELDON_ENABLE_ROUTING_INJECTION": "1"})) as client:
        assert decoded(await client.predict([]))["meta"] == {"puid": "x", "routing": {"r": 1, "b": -1}}
    async with executor(settings(graph)) as client:
        assert decoded(await client.predict([]))["meta"] == {"puid": "x"}


async def test_graph_metadata_names_every_node_and_the_ends_of_the_graph() -> None:
    first, last = {"name": "t", "inputs": ["i"], "outputs": ["x"]}, {"name": "m", "inputs": ["x"], "outputs": ["o"]}
    n = await nodes(t={"/metadata": first}, m={"/metadata": last})
    async with executor(settings(unit("t", n["t"], "TRANSFORMER", unit("m", n["m"])))) as client:
        document = decoded(await client.ask("GET", "/api/v1.0/metadata"))
        assert document == {
            "name": "p",
            "models": {"m": last, "t": first},
            "graphinputs": ["i"],
            "graphoutputs": ["o"],
        }


async def test_rest_timeout_of_the_pod_bounds_a_hanging_node(tmp_path: Path) -> None:
    async def hang() -> Response:
        await asyncio.Event().wait()
        return Response(200)

    annotations = tmp_path / "annotations"
    annotations.write_text('seldon.io/rest-timeout="50"\nother="a=b"\n')
    n = await nodes(m=lambda _: hang())
    async with executor(settings(unit("m", n["m"])), annotations) as client:
        answer = await client.predict([])
        info = decoded(answer)["status"]["info"]
        assert answer.status == 500
        assert info.startswith(f'Post "http://localhost:{n["m"].server.port}/predict": context deadline exceeded')
