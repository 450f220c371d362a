"""Whatever stands in a field: a manifest with any one value replaced renders, or is refused with a sentence."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.values import load_values
from seldon_core.operator.render import RenderError, render, wanted_service_accounts
from seldon_core.operator.render.config import from_values

CONFIG = from_values(load_values({"keda": {"enabled": True}}))
WHOLE: dict[str, Any] = {
    "apiVersion": "machinelearning.seldon.io/v1",
    "kind": "SeldonDeployment",
    "metadata": {"name": "m", "namespace": "ns", "labels": {"a": "b"}, "annotations": {"a": "b"}},
    "spec": {
        "name": "x",
        "protocol": "seldon",
        "transport": "rest",
        "replicas": 1,
        "annotations": {"seldon.io/executor-logger-queue-size": "5"},
        "predictors": [
            {
                "name": "p",
                "traffic": 100,
                "annotations": {"a": "b"},
                "labels": {"a": "b"},
                "engineResources": {"requests": {"cpu": "1"}},
                "ssl": {"certSecretName": "s"},
                "svcOrchSpec": {"env": [{"name": "A", "value": "b"}], "resources": {"limits": {"cpu": "1"}}},
                "componentSpecs": [
                    {
                        "metadata": {"labels": {"a": "b"}},
                        "hpaSpec": {
                            "maxReplicas": 3,
                            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "targetAverageValue": 1}}],
                            "behavior": {"scaleDown": {"policies": []}},
                        },
                        "kedaSpec": {"triggers": [{"type": "cron", "metadata": {}}], "scaleTargetRef": {"name": "x"}},
                        "pdbSpec": {"minAvailable": 1, "selector": {}},
                        "spec": {
                            "serviceAccountName": "sa",
                            "securityContext": {"runAsUser": 1},
                            "volumes": [{"name": "v", "emptyDir": {}}],
                            "initContainers": [{"name": "i", "image": "i", "env": [{"name": "A", "value": "b"}]}],
                            "containers": [
                                {
                                    "name": "c",
                                    "image": "i",
                                    "ports": [{"name": "http", "containerPort": 8080}],
                                    "env": [{"name": "A", "value": "b"}],
                                    "resources": {"requests": {"cpu": "1"}},
                                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                                }
                            ],
                        },
                    }
                ],
                "explainer": {
                    "type": "AnchorImages",
                    "modelUri": "s3://b/e",
                    "config": {"a": "b"},
                    "endpoint": {"service_port": 9001},
                    "containerSpec": {"name": "e", "ports": [{"name": "http", "containerPort": 1}], "args": ["a"]},
                },
                "graph": {
                    "name": "c",
                    "type": "MODEL",
                    "endpoint": {"type": "REST"},
                    "logger": {"mode": "all"},
                    "parameters": [{"name": "a", "value": "b", "type": "STRING"}],
                    "children": [{"name": "d", "implementation": "SKLEARN_SERVER", "modelUri": "pvc://claim/x"}],
                },
            }
        ],
    },
}
VALUES = [None, "", "text", 0, -1, 2**70, 1.5, True, [], {}, [None], [{}], {"a": None}, {"name": 1}, [["x"]], "pvc://"]


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if here:
        yield here
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*here, key))


def replaced(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(WHOLE)
    node: Any = manifest
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return manifest


def test_the_manifest_itself_renders() -> None:
    assert render(load(WHOLE), CONFIG).objects


@pytest.mark.parametrize("path", [*paths(WHOLE)], ids=lambda path: ".".join(map(str, path)))
def test_one_wrong_value_is_never_a_fault_of_ours(path: tuple[Any, ...]) -> None:
    for value in VALUES:
        try:
            sdep = load(replaced(path, value))
            wanted_service_accounts(sdep)
            render(sdep, CONFIG)
        except (ManifestError, RenderError) as error:
            assert str(error).strip()  # noqa: PT017  # both outcomes are right; any other exception is not
