"""What is written down when a test fails, while its namespace still lives, so that nobody needs to run it again to see.

For the test's namespace and the controller's: every object of every kind (Secrets without values), the events, and the
logs of every container, init containers and former ones too. EndpointSlices tell which pods were ready at that moment.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from . import pods
from .redaction import presentable

if TYPE_CHECKING:
    from .cluster import Cluster

ROOT = Path("build") / "e2e-evidence"


def folder_of(node: str) -> Path:
    """The folder of one test: its node id without the path, with nothing that a file name must not hold."""
    return ROOT / re.sub(r"[^A-Za-z0-9_.-]+", "-", node.rpartition("/")[2]).strip("-")


def collect(cluster: Cluster, namespaces: Iterable[str], folder: Path) -> str:
    """Write everything of the namespaces below `folder`, emptied before, and give a summary of a few lines.

    What cannot be read is told in the summary; the rest is written all the same.
    """
    shutil.rmtree(folder, ignore_errors=True)
    summary: list[str] = []
    for namespace in namespaces:
        summary.append(f"namespace {namespace}")
        for part in (_objects, _events, _logs):
            try:
                summary.extend(part(cluster, namespace, folder / namespace))
            except Exception as error:  # noqa: BLE001 - evidence of a failure must not hide the failure
                summary.append(f"  not collected: {part.__name__.strip('_')}: {error}")
    text = "\n".join(summary) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.txt").write_text(text)
    return text


def events_table(events: Iterable[Mapping[str, Any]]) -> str:
    """One line for each event, the oldest first: time, type, reason, object, count and message."""
    return "".join("  ".join(row) + "\n" for row in sorted(map(_row, events)))


def _row(event: Mapping[str, Any]) -> tuple[str, ...]:
    about = event.get("involvedObject") or {}
    subject = f"{about.get('kind', '')}/{about.get('name', '')}"
    message = " ".join(str(event.get("message", "")).split())
    times = f"x{event.get('count') or (event.get('series') or {}).get('count') or 1}"
    return (_moment(event), str(event.get("type", "")), str(event.get("reason", "")), subject, times, message)


def _moment(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp", ""))


def _objects(cluster: Cluster, namespace: str, folder: Path) -> list[str]:
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for manifest in cluster.everything(namespace):
        kinds[manifest["kind"].lower()].append(presentable(manifest))
    for kind, manifests in kinds.items():
        _write(folder / "objects" / f"{kind}.yaml", yaml.safe_dump_all(manifests, sort_keys=False))
    lines = []
    for sdep in kinds["seldondeployment"]:
        status = sdep.get("status") or {}
        lines.append(f"SeldonDeployment {sdep['metadata']['name']}: {status.get('state')}: {status.get('description')}")
    lines.extend(pods.describe(kinds["pod"]).splitlines())
    return [f"  {line}" for line in lines]


def _events(cluster: Cluster, namespace: str, folder: Path) -> list[str]:
    _write(folder / "events.txt", events_table(cluster.objects("v1", "Event", namespace)))
    return []


def _logs(cluster: Cluster, namespace: str, folder: Path) -> list[str]:
    problems = []
    for pod in cluster.objects("v1", "Pod", namespace):
        name = pod["metadata"]["name"]
        for container in pods.container_statuses(pod):
            for previous in (False, True) if container.get("restartCount") else (False,):
                log = f"{name}.{container['name']}{'.previous' if previous else ''}.log"
                try:
                    text = cluster.log(namespace, name, container["name"], previous=previous)
                except Exception as error:  # noqa: BLE001 - a container that never began has none; the others have
                    problems.append(f"  no log {log}: {' '.join(str(error).split())[:200]}")
                    continue
                _write(folder / "logs" / log, text)
    return problems


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
