from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.harness import evidence
from tests.e2e.harness.redaction import LAST_APPLIED, REDACTED, presentable

VALUE = "a-value-that-nobody-may-see"
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "s",
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {LAST_APPLIED: json.dumps({"stringData": {"KEY": VALUE}}), "endpoint": "minio:9000"},
    },
    "data": {"KEY": VALUE},
    "stringData": {"OTHER": VALUE},
}
SDEP = {
    "apiVersion": "machinelearning.seldon.io/v1",
    "kind": "SeldonDeployment",
    "metadata": {"name": "iris", "managedFields": [{}]},
    "status": {"state": "Failed", "description": "Bucket x does not exist."},
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "iris-0"},
    "status": {
        "phase": "Pending",
        "initContainerStatuses": [
            {
                "name": "classifier-model-initializer",
                "restartCount": 2,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"reason": "Error", "exitCode": 4, "message": "no bucket x\n"}},
            }
        ],
        "containerStatuses": [
            {"name": "classifier", "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}
        ],
    },
}
EVENT = {
    "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
    "lastTimestamp": "2026-01-01T00:00:02Z",
    "type": "Warning",
    "reason": "BackOff",
    "count": 3,
    "involvedObject": {"kind": "Pod", "name": "iris-0"},
    "message": "Back-off restarting\nfailed container",
}


class Recorded:
    """A namespace as it was: what a cluster answers, without one."""

    def __init__(self, *, reachable: bool = True) -> None:
        self.reachable = reachable
        self.asked: set[str] = set()

    def everything(self, namespace: str) -> list[dict[str, Any]]:
        self.asked.add(namespace)
        if not self.reachable:
            raise RuntimeError("connection refused")
        return [SECRET, SDEP, POD]

    def objects(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        self.asked.add(namespace)
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {("v1", "Event"): [EVENT], ("v1", "Pod"): [POD]}
        return kinds[api_version, kind]

    def log(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        self.asked.add(namespace)
        if container == "classifier":
            raise RuntimeError(f"container {container} of {pod} is waiting to start")
        return "former log\n" if previous else "log\n"


def test_a_secret_is_shown_without_its_values() -> None:
    shown = presentable(SECRET)

    assert shown["data"] == {"KEY": REDACTED}
    assert shown["stringData"] == {"OTHER": REDACTED}
    assert shown["metadata"]["annotations"] == {LAST_APPLIED: REDACTED, "endpoint": "minio:9000"}
    assert VALUE not in json.dumps(shown)
    assert SECRET["data"] == {"KEY": VALUE}, "the object itself stays as it is"


def test_managed_fields_are_left_out_and_the_rest_stays() -> None:
    shown = presentable(SDEP)

    assert shown == {**SDEP, "metadata": {"name": "iris"}}


def test_everything_is_written_and_no_value_of_a_secret(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    (folder / "of-an-earlier-run").mkdir(parents=True)

    cluster = Recorded()

    summary = evidence.collect(cluster, ["e2e-x"], folder)  # type: ignore[arg-type] # what collect uses is there

    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert set(files) == {
        "summary.txt",
        "e2e-x/objects/secret.yaml",
        "e2e-x/objects/seldondeployment.yaml",
        "e2e-x/objects/pod.yaml",
        "e2e-x/events.txt",
        "e2e-x/logs/iris-0.classifier-model-initializer.log",
        "e2e-x/logs/iris-0.classifier-model-initializer.previous.log",
    }
    assert VALUE not in "".join(files.values())
    assert yaml.safe_load(files["e2e-x/objects/pod.yaml"]) == POD
    assert files["e2e-x/logs/iris-0.classifier-model-initializer.previous.log"] == "former log\n"
    assert not (folder / "of-an-earlier-run").exists()
    assert cluster.asked == {"e2e-x"}
    assert summary == files["summary.txt"]
    assert "SeldonDeployment iris: Failed: Bucket x does not exist." in summary
    assert "container classifier-model-initializer before terminated: Error, exit code 4, no bucket x" in summary
    assert "no log iris-0.classifier.log: container classifier of iris-0 is waiting to start" in summary


def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    summary = evidence.collect(Recorded(reachable=False), ["e2e-x"], tmp_path)  # type: ignore[arg-type] # the same

    assert "not collected: objects: connection refused" in summary
    assert (tmp_path / "e2e-x" / "events.txt").is_file()


def test_events_are_a_table_by_time() -> None:
    earlier = {**EVENT, "lastTimestamp": None, "eventTime": "2026-01-01T00:00:01Z", "count": None, "message": "m"}

    assert evidence.events_table([EVENT, earlier]) == (
        "2026-01-01T00:00:01Z  Warning  BackOff  Pod/iris-0  x1  m\n"
        "2026-01-01T00:00:02Z  Warning  BackOff  Pod/iris-0  x3  Back-off restarting failed container\n"
    )


def test_the_folder_is_named_after_the_test() -> None:
    folder = evidence.folder_of("tests/e2e/test_stores.py::test_description[missing bucket]")

    assert folder == Path("build/e2e-evidence/test_stores.py-test_description-missing-bucket")
