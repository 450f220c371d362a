"""How long the controller needs for many SeldonDeployments at once, and what it takes of memory and processor.

`python3 -m devtools run --need apiserver -- python -m tests.bench.scale --count 200` prints a table and writes
build/bench/scale.json. The controller is the real process with the chart's default processor limit, against etcd,
kube-apiserver and kube-controller-manager (Deployments, ReplicaSets, garbage collector) on the same machine. Each
SeldonDeployment is the quickstart's iris model with `replicas: 0`, so no node is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from seldon_core.api.quantity import amount
from seldon_core.api.values import load_values
from seldon_core.kube.resources import DEPLOYMENTS, SERVICES
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from tests.bench.cpulimit import Limit, limited
from tests.integration.controller.process import Controller
from tests.integration.controlplane import OPERATOR, OPERATOR_NAMESPACE, ControlPlane, processor_seconds, until

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "bench" / "scale.json"
CONTROLLERS = "deployment-controller,replicaset-controller,garbage-collector-controller,serviceaccount-controller"
NAMESPACE = "scale"
LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class Result:
    """What was measured. Seconds are wall clock unless they are called processor's."""

    count: int
    apply_seconds: float
    objects_seconds: float
    available_seconds: float
    restart_seconds: float
    peak_mib: float
    idle_mib: float
    restart_peak_mib: float
    processor_seconds: float
    throttled_seconds: float
    restart_writes: int
    apiserver_processor_seconds: float
    limit: str
    load_before: float
    machine: str
    python: str


def deployment(number: int) -> dict[str, Any]:
    """One SeldonDeployment."""
    graph = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://sklearn/iris"}
    predictor = {"name": "default", "replicas": 0, "graph": graph}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": f"iris-{number:04}", "namespace": NAMESPACE},
        "spec": {"predictors": [predictor]},
    }


def measure(count: int, cores: float) -> Result:
    """One run from an empty cluster."""
    load_before = os.getloadavg()[0]
    with ControlPlane() as plane, limited(cores) as limit:
        plane.grant_all(OPERATOR)
        plane.install_crd()
        plane.start_controller_manager(CONTROLLERS)
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        controller = Controller(
            plane.folder / "controller",
            kubeconfig=plane.kubeconfig_of(OPERATOR),
            namespace=OPERATOR_NAMESPACE,
            values={},
            enter=limit.enter,
        )
        controller.start()
        try:
            return _run(count, plane, controller, limit, load_before)
        finally:
            controller.close()


def _run(count: int, plane: ControlPlane, controller: Controller, limit: Limit, load_before: float) -> Result:
    manifests = yaml.safe_dump_all([deployment(number) for number in range(count)], sort_keys=False)
    before, before_there = processor_seconds(controller.pid), plane.processor_seconds()
    idle = memory_mib(controller.pid, "VmRSS")
    began = time.monotonic()
    plane.kubectl("apply", "-f", "-", stdin=manifests)
    applied = time.monotonic()

    def behind() -> str:
        return f"{_counts(plane)} of {count} each: {controller.tail()}"

    until(lambda: _counts(plane) == (count, 2 * count), LONGEST_SECONDS, behind, every=0.1)
    there = time.monotonic()
    until(lambda: _available(plane) == count, LONGEST_SECONDS, behind, every=1.0)
    available = time.monotonic()
    used, throttled = processor_seconds(controller.pid) - before, limit.throttled_seconds()
    peak, used_there = memory_mib(controller.pid, "VmHWM"), plane.processor_seconds() - before_there

    controller.stop()
    writes = _writes(plane)
    began_again = time.monotonic()
    controller.start()
    name = "seldon_operator_reconciles_total"
    until(lambda: controller.metric(name) >= count, LONGEST_SECONDS, controller.tail, every=0.2)
    return Result(
        count=count,
        apply_seconds=applied - began,
        objects_seconds=there - applied,
        available_seconds=available - applied,
        restart_seconds=time.monotonic() - began_again,
        peak_mib=peak,
        idle_mib=idle,
        restart_peak_mib=memory_mib(controller.pid, "VmHWM"),
        processor_seconds=used,
        throttled_seconds=throttled,
        restart_writes=_writes(plane) - writes,
        apiserver_processor_seconds=used_there,
        limit=limit.how,
        load_before=load_before,
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
        python=platform.python_version(),
    )


def memory_mib(pid: int, field: str) -> float:
    """A figure of /proc/PID/status: `VmRSS` now, `VmHWM` the highest so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    raise LookupError(field)


def _counts(plane: ControlPlane) -> tuple[int, int]:
    """Deployments and Services. Only their number is asked for: the measurement shall not be what is measured."""
    return _count(plane, DEPLOYMENTS.path(namespace=NAMESPACE)), _count(plane, SERVICES.path(namespace=NAMESPACE))


def _count(plane: ControlPlane, path: str) -> int:
    page = plane.request("GET", f"{path}?limit=1")
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)


def _available(plane: ControlPlane) -> int:
    found = plane.items(f"{SELDON_DEPLOYMENTS.path(namespace=NAMESPACE)}?resourceVersion=0")
    return sum((each.get("status") or {}).get("state") == "Available" for each in found)


def _writes(plane: ControlPlane) -> int:
    """All writes of the controller but those of its Lease and its certificate."""
    verbs = {"create", "update", "patch", "delete"}
    entries = plane.audit(verbs=verbs, user=OPERATOR)
    return sum(entry["objectRef"]["resource"] not in {"leases", "secrets"} for entry in entries)


def table(results: Sequence[Result]) -> str:
    """The figures for people."""
    rows = [
        ("SeldonDeployments", [str(r.count) for r in results]),
        ("kubectl apply took, s", [f"{r.apply_seconds:.1f}" for r in results]),
        ("all objects there after its end, s", [f"{r.objects_seconds:.1f}" for r in results]),
        ("all Available after its end, s", [f"{r.available_seconds:.1f}" for r in results]),
        ("controller's memory, idle, MiB", [f"{r.idle_mib:.0f}" for r in results]),
        ("controller's memory, peak, MiB", [f"{r.peak_mib:.0f}" for r in results]),
        ("controller's processor time, s", [f"{r.processor_seconds:.1f}" for r in results]),
        ("of which held back by its limit, s", [f"{r.throttled_seconds:.1f}" for r in results]),
        ("kube-apiserver's processor time, s", [f"{r.apiserver_processor_seconds:.1f}" for r in results]),
        ("a restart: all looked at after, s", [f"{r.restart_seconds:.1f}" for r in results]),
        ("a restart: peak memory, MiB", [f"{r.restart_peak_mib:.0f}" for r in results]),
        ("a restart: writes", [str(r.restart_writes) for r in results]),
    ]
    lines = [f"{name:<36}" + "".join(f"{cell:>10}" for cell in cells) for name, cells in rows]
    first = results[0]
    lines += ["", f"processor limit: {first.limit}", f"machine: {first.machine}, Python {first.python}"]
    lines.append("load before: " + ", ".join(f"{r.load_before:.1f}" for r in results))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the file. The status is 1 where a limit that was asked for is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--count", type=int, action="append", help="SeldonDeployments; more than once for more runs")
    parser.add_argument("--cores", type=float, help="processor limit; the chart's default where left out")
    parser.add_argument("--fail-over-seconds", type=float, help="status 1 where the first run takes longer")
    parser.add_argument("--fail-over-mib", type=float, help="status 1 where the controller takes more memory")
    asked = parser.parse_args(arguments)
    cores = asked.cores or float(amount(load_values({}).manager.cpu_limit) or 1)
    results = [measure(count, cores) for count in asked.count or [200]]
    print(table(results))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    late = asked.fail_over_seconds and results[0].objects_seconds > asked.fail_over_seconds
    large = asked.fail_over_mib and max(r.peak_mib for r in results) > asked.fail_over_mib
    return 1 if late or large else 0


if __name__ == "__main__":
    sys.exit(main())
