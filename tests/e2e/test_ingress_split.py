"""Canary and shadow, by traffic: who answers, how often, and who only gets copies.

Both predictors hold the same iris model in a container of another name, which the answer's requestPath tells. The
shadow's answers are others on purpose (`decision_function`): one of them in a user's hands would be a wrong answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import pytest

from tests.e2e.harness import manifests
from tests.e2e.harness.gateways import Route
from tests.e2e.harness.waiting import Object, wait_for
from tests.e2e.harness.workspace import Workspace

pytestmark = [pytest.mark.ingress, pytest.mark.alone, pytest.mark.long(60)]

NAME, SECRET = "iris", "seldon-rclone-secret"
MAIN_UNIT, OTHER_UNIT = "classifier", "candidate"
MAIN = frozenset({f"{NAME}-main-0-{MAIN_UNIT}"})
PORT = 8000
ALONE = Route({f"{NAME}-main:{PORT}": 100})
BOTH = Route({f"{NAME}-main:{PORT}": 75, f"{NAME}-canary:{PORT}": 25})
SHADOWED = Route({f"{NAME}-main:{PORT}": 100}, frozenset({f"{NAME}-shadow"}))
SHARE, COUNTED, SIGMAS = 0.75, 2_000, 4
# Above the promised rate, so that the counted requests take less time.
COUNTING_RATE = 160.0
COPIED = 300
_SERVED = re.compile(r"^seldon_api_executor_server_requests_seconds_count\{(.*)\} (\S+)$", re.MULTILINE)


def predictor(name: str, unit: str, **more: Any) -> Object:
    """A predictor with one model."""
    parameters = more.pop("parameters", [])
    graph = manifests.unit(unit, env_secret=SECRET) | ({"parameters": parameters} if parameters else {})
    return manifests.predictor(name, graph, **more)


def deployment(*predictors: Object) -> Object:
    """The SeldonDeployment of this module."""
    return manifests.seldon_deployment(NAME, {"predictors": list(predictors)})


def shadowed(*, replicas: int) -> Object:
    """A predictor that answers and one that gets copies of all requests."""
    method = {"name": "method", "value": "decision_function", "type": "STRING"}
    shadow = predictor("shadow", OTHER_UNIT, shadow=True, traffic=100, parameters=[method])
    return deployment(predictor("main", MAIN_UNIT), shadow | {"replicas": replicas})


def test_a_canary_gets_its_share(workspace: Workspace) -> None:
    workspace.apply(manifests.rclone_secret(SECRET), deployment(predictor("main", MAIN_UNIT)))
    workspace.wait_available(NAME)

    with workspace.load(NAME, rate=COUNTING_RATE) as load:
        with load.during("a canary comes"):
            workspace.apply(
                deployment(predictor("main", MAIN_UNIT, traffic=75), predictor("canary", OTHER_UNIT, traffic=25))
            )
            workspace.wait_settled(NAME, deployments=MAIN | {f"{NAME}-canary-0-{OTHER_UNIT}"}, route=BOTH)
        begin = len(load.records)
        load.until(COUNTED)
        answers = Counter(record.answered_by for record in load.records[begin:])
        with load.during("the canary goes"):
            workspace.apply(deployment(predictor("main", MAIN_UNIT)))
            workspace.wait_settled(NAME, deployments=MAIN, route=ALONE)

    total = sum(answers.values())
    bound = SIGMAS * math.sqrt(total * SHARE * (1 - SHARE))
    workspace.loads.append(f"  canary: {dict(answers)} of {total}, {SHARE * total:.0f} +- {bound:.0f} expected")
    assert answers.keys() == {MAIN_UNIT, OTHER_UNIT}
    assert abs(answers[MAIN_UNIT] - SHARE * total) <= bound, f"{dict(answers)}: more than {SIGMAS} sigma off"


def test_a_shadow_gets_copies_and_nobody_its_answers(workspace: Workspace) -> None:
    workspace.apply(manifests.rclone_secret(SECRET), deployment(predictor("main", MAIN_UNIT)))
    workspace.wait_available(NAME)
    deployments = MAIN | {f"{NAME}-shadow-0-{OTHER_UNIT}"}

    with workspace.load(NAME) as load, load.during("a shadow comes"):
        workspace.apply(shadowed(replicas=1))
        workspace.wait_settled(NAME, deployments=deployments, route=SHADOWED)

    before = served(workspace)
    with workspace.load(NAME) as copied:
        copied.until(COPIED)
    expected = before + len(copied.records)

    def all_copied() -> None:
        assert served(workspace) == expected, f"the shadow has served {served(workspace)} of {expected} requests"

    wait_for(all_copied, what="copies of all requests", seconds=workspace.timeouts.request)
    workspace.loads.append(f"  shadow: {served(workspace) - before} copies of {len(copied.records)} requests")

    with workspace.load(NAME) as load:
        with load.during("the shadow loses all its pods"):
            workspace.apply(shadowed(replicas=0))
            workspace.wait_settled(NAME, deployments=deployments, route=SHADOWED)
        with load.during("the shadow goes"):
            workspace.apply(deployment(predictor("main", MAIN_UNIT)))
            workspace.wait_settled(NAME, deployments=MAIN, route=ALONE)

    answered = {record.answered_by for record in load.records}
    assert answered == {MAIN_UNIT}


def served(workspace: Workspace) -> int:
    """The predictions that the shadow's orchestrator says it has answered."""
    (pod,) = [
        pod["metadata"]["name"]
        for pod in workspace.pods(NAME)
        if pod["metadata"]["labels"].get("seldon-app") == f"{NAME}-shadow"
    ]
    page = workspace.cluster.page(workspace.namespace, pod, PORT, "/prometheus")
    return sum(int(float(value)) for labels, value in _SERVED.findall(page) if 'service="predictions"' in labels)
