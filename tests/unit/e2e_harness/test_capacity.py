from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness.capacity import cpus, free, requested


def container(cpu: str | None = None, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}} if cpu else {}, **more}


def pod(
    *containers: dict[str, Any],
    init: list[dict[str, Any]] | None = None,
    phase: str = "Running",
    namespace: str = "default",
) -> dict[str, Any]:
    spec = {"containers": list(containers), "initContainers": init}
    return {"metadata": {"namespace": namespace}, "spec": spec, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("quantity", "number"), [("500m", 0.5), ("2", 2.0), (1, 1.0), ("0.25", 0.25), ("1k", 1000.0), (None, 0.0)]
)
def test_quantities(quantity: str | int | None, number: float) -> None:
    assert cpus(quantity) == number


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (pod(container("500m"), container()), 0.5),
        (pod(container(), init=[container("100m"), container("300m")]), 0.3),
        (pod(container("500m"), init=[container("100m")]), 0.5),
        (pod(container("500m"), init=[container("100m", restartPolicy="Always")]), 0.6),
        (pod({"resources": {"limits": {"cpu": "1"}}}), 1.0),
    ],
)
def test_what_a_pod_asks_for(asked: dict[str, Any], number: float) -> None:
    assert requested(asked) == pytest.approx(number)


def test_overhead_counts() -> None:
    asked = pod(container("100m"))
    asked["spec"]["overhead"] = {"cpu": "50m"}

    assert requested(asked) == pytest.approx(0.15)


def test_pods_that_have_ended_hold_nothing() -> None:
    node = {"status": {"allocatable": {"cpu": "2"}}}
    pods = [pod(container("500m")), pod(container("1"), phase="Succeeded"), pod(container("250m"), phase="Pending")]

    assert free([node], pods) == pytest.approx(1.25)


def test_pods_that_no_node_can_take_hold_nothing() -> None:
    node = {"status": {"allocatable": {"cpu": "2"}}}

    assert free([node], [pod(container("1k"), phase="Pending"), pod(container("1"), phase="Pending")]) == 1.0


def test_what_is_kept_counts_where_the_pods_ask_for_less() -> None:
    node = {"status": {"allocatable": {"cpu": "2"}}}
    pods = [pod(container("100m"), namespace="less"), pod(container("500m"), namespace="more"), pod(container("50m"))]
    kept = {"less": 0.3, "more": 0.2, "nothing-yet": 0.4}

    assert free([node], pods, kept) == pytest.approx(2 - 0.3 - 0.5 - 0.4 - 0.05)
