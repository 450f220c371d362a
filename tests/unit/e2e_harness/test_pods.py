from __future__ import annotations

from tests.e2e.harness.pods import describe


def test_a_pod_that_finds_no_node_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: Insufficient cpu."}
    pod = {"metadata": {"name": "iris-0"}, "status": {"phase": "Pending", "conditions": [condition]}}

    assert describe([pod]) == "pod iris-0: Pending\n  not scheduled: 0/1 nodes are available: Insufficient cpu."


def test_containers_that_wait_or_have_ended_say_why() -> None:
    statuses = [
        {"name": "good", "state": {"running": {}}},
        {
            "name": "bad",
            "state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 1}},
        },
    ]
    pod = {"metadata": {"name": "iris-0"}, "status": {"phase": "Running", "containerStatuses": statuses}}

    assert describe([pod]).splitlines() == [
        "pod iris-0: Running",
        '  container bad now waiting: CreateContainerConfigError, secret "x" not found',
        "  container bad before terminated: Error, exit code 1",
    ]


def test_no_pods() -> None:
    assert describe([]) == "no pods"
