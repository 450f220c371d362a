"""What the operator tells an executor's container is what the executor reads: here, of loggers and spans."""

from pathlib import Path
from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.executor import predictor
from seldon_core.executor.app import Executor
from seldon_core.executor.nodes import LogRule, build
from seldon_core.executor.settings import Settings, parse
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values

LOGGER = {"mode": "all"}


def told(spec: dict[str, Any], **request_logger: Any) -> Settings:
    """The settings of the executor of a SeldonDeployment."""
    graph = {
        "name": "first",
        "type": "MODEL",
        "logger": LOGGER,
        "children": [{"name": "second", "type": "MODEL", "logger": {"mode": "response", "url": "http://own/p"}}],
    }
    containers = [{"name": name, "image": "mine:1"} for name in ("first", "second")]
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m", "namespace": "ns"},
        "spec": {
            "predictors": [{"name": "p", "graph": graph, "componentSpecs": [{"spec": {"containers": containers}}]}],
            **spec,
        },
    }
    values = load_values({"executor": {"requestLogger": request_logger}})
    objects = render(load(manifest), from_values(values)).objects
    pods = [one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment"]
    container = next(one for one in pods[0]["containers"] if one["name"] == "seldon-container-engine")
    return parse(container["args"], {one["name"]: one["value"] for one in container["env"]})


def test_a_logger_with_the_installation_s_values() -> None:
    made = told({}, defaultEndpoint="http://all", workQueueSize=7, writeTimeoutMs=500)
    assert (made.log_endpoint, made.log_queue_size, made.log_wait) == ("http://all", 7, 0.5)
    root = build(predictor.decode(made.engine_predictor), log_url=made.log_endpoint)
    assert root.logger == LogRule("http://all", requests=True, answers=True)
    assert root.children[0].logger == LogRule("http://own/p", requests=False, answers=True)


def test_annotations_win() -> None:
    annotations = {
        "seldon.io/executor-logger-queue-size": "9",
        "seldon.io/executor-logger-write-timeout-ms": "30",
        "seldon.io/engine-tracing": "1",
        "seldon.io/engine-jaeger-agent-host": "jaeger",
    }
    made = told({"annotations": annotations})
    assert (made.log_queue_size, made.log_wait) == (9, 0.03)
    assert made.tracing is not None
    assert made.tracing.endpoint == "http://jaeger:4318/v1/traces"


@pytest.mark.asyncio
async def test_the_executor_can_be_made_of_it() -> None:
    assert Executor(told({}), annotations_file=Path("/nonexistent"))
