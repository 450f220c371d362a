"""Every predictor that cannot be served is refused at start, in one sentence that names what is wrong."""

import base64
import json
from typing import Any

import pytest

from seldon_core.executor import nodes, predictor
from seldon_core.executor.predictor import PredictorError
from tests.unit.executor.stand import encoded, settings, unit

CHILD = unit("c", 9001)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not set"),
        ("%%%", "cannot be read"),
        (base64.b64encode(b"not json").decode(), "cannot be read"),
        (base64.b64encode(b"[1]").decode(), "is not a predictor"),
        (base64.b64encode(b"{}").decode(), "no name or no graph.name"),
        (base64.b64encode(b'{"name":"p","graph":{"name":5}}').decode(), "graph.name"),
        (base64.b64encode(b'{"name":"p","graph":{"name":"m","children":{}}}').decode(), "children"),
    ],
)
def test_what_is_no_predictor(text: str, says: str) -> None:
    with pytest.raises(PredictorError, match="ENGINE_PREDICTOR") as caught:
        predictor.decode(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("graph", "flags", "says"),
    [
        (unit("m", 9000), ["--protocol", "v9"], "protocol v9"),
        (unit("m", 9000), ["--transport", "ipx"], "transport ipx is unknown"),
        (unit("m", 9000), ["--server_type", "kafka"], "server type kafka"),
        (unit("m", 9000, "WIZARD"), [], "unit m has the unknown type WIZARD"),
        (unit("m", 9000, methods=["FLY"]), [], "unknown method FLY"),
        (unit("m", None), [], "unit m has no endpoint.service_host"),
        (unit("m", 9000, logger={"mode": "some"}), [], "unit m has the logger.mode"),
        (unit("m", 9000, "MODEL", unit("m", 9001)), [], "two units named m"),
        (unit("m", 9000, "MODEL", unit("c", None)), [], "unit c has no endpoint"),
        (unit("r", None, "", CHILD, implementation="RANDOM_ABTEST"), [], "needs two"),
    ],
)
def test_what_is_not_served(graph: dict[str, Any], flags: list[str], says: str) -> None:
    made = settings(graph, *flags)
    with pytest.raises(PredictorError) as caught:
        predictor.check(predictor.decode(made.engine_predictor), made)
    assert says in str(caught.value)


def test_nulls_and_unknown_fields_are_nothing() -> None:
    graph = {**unit("m", 9000), "children": None, "logger": None, "someday": 1}
    text = json.dumps({"name": "p", "graph": graph, "componentSpecs": [{"metadata": {"creationTimestamp": None}}]})
    read = predictor.decode(base64.b64encode(text.encode()).decode())
    assert read.graph.children == ()


@pytest.mark.parametrize(
    ("image", "name", "version"),
    [
        ("repo/img:1.0", "repo/img", "1.0"),
        ("host:5000/repo/img", "host:5000/repo/img", ""),
        ("host:5000/repo/img:2", "host:5000/repo/img", "2"),
        ("repo/img:1@sha256:ab", "repo/img", "1"),
        ("", "", ""),
    ],
)
def test_an_image_is_split_at_its_tag_not_at_its_registrys_port(image: str, name: str, version: str) -> None:
    containers = [{"name": "m", "image": image}]
    read = predictor.decode(encoded(unit("m", 9000), componentSpecs=[{"spec": {"containers": containers}}]))
    node = nodes.build(read)
    assert (node.model_image, node.model_version) == (name, version)
