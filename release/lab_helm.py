"""The chart as one Helm release on the pipeline's cluster: it comes, changes, goes back and goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.harness import pods
from tests.e2e.harness.release import CONTROLLER, NAME, NAMESPACE, PROBE, SECURE, SPARE_SECONDS
from tests.e2e.harness.tools import Completed
from tests.e2e.harness.waiting import Object, assert_rolled_out, wait_for

from .lab import CRD, CRD_API, Lab

FIELD_MANAGER = "seldon-core-release"
SHOWN_EVENTS = 8
WEBHOOKS = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")


@dataclass(frozen=True)
class Release:
    """The release `seldon-core` in namespace `seldon-system`. `files` are the values that the pipeline's user gave.

    Whatever helm refuses is a CommandError with its words, and what the controller's pods say of themselves as a note.
    """

    lab: Lab
    files: tuple[Path, ...] = ()

    def install(
        self, chart: Path, values: Mapping[str, Any] | None = None, *, seconds: float | None = None, mark: str = ""
    ) -> None:
        """`helm upgrade --install` with these values and no others; returns when its pods alone run and answer."""
        self._make_namespace()
        if self._status() not in {"deployed", ""}:
            self.uninstall()
        self._upgrade(chart, values, ("--install", "--reset-values", "--description", mark), seconds)
        self.settle()

    def upgrade(self, chart: Path, values: Mapping[str, Any] | None, *, reuse: bool, mark: str = "") -> None:
        """`helm upgrade`, with the values of before (`--reuse-values`) or with these alone."""
        self._upgrade(chart, values, ("--reuse-values" if reuse else "--reset-values", "--description", mark), None)
        self.settle()

    def rollback(self, revision: int) -> None:
        """`helm rollback` to a revision."""
        self.helm("rollback", NAME, str(revision), "--wait", *self._deadline(None)).checked()
        self.settle()

    def uninstall(self) -> None:
        """`helm uninstall`, which leaves what users have made."""
        self.helm("uninstall", NAME, "--ignore-not-found", "--wait", *self._deadline(None)).checked()

    def purge(self) -> None:
        """Leave nothing: no release, no SeldonDeployment, no definition of what one is."""
        self.uninstall()
        # What was warned of before is no reason for what comes.
        events = ("delete", "events", "--all", "--namespace", NAMESPACE)
        self.lab.kubectl.run(events, seconds=self.lab.timeouts.kubectl).checked()
        for found in self.lab.cluster.objects(*WEBHOOKS):
            if found["metadata"]["name"].startswith("seldon-"):
                self.lab.cluster.delete(*WEBHOOKS, found["metadata"]["name"])
        for sdep in self.lab.seldon_deployments():
            name, namespace = sdep["metadata"]["name"], sdep["metadata"]["namespace"]
            self.lab.cluster.delete(sdep["apiVersion"], sdep["kind"], name, namespace)
        if self.lab.cluster.get(*CRD_API, CRD) is not None:
            self.lab.cluster.delete(*CRD_API, CRD)
            self.lab.wait_gone(*CRD_API, CRD)

    def revision(self) -> int:
        """The number of the newest revision, 0 where nothing is installed."""
        listed = json.loads(self.helm("list", "--all", "--filter", f"^{NAME}$", "--output", "json").checked().stdout)
        return int(listed[0]["revision"]) if listed else 0

    def history(self) -> list[dict[str, Any]]:
        """The revisions that helm remembers, the oldest first: `revision`, `description`, `status`."""
        if not self.revision():
            return []
        found: list[dict[str, Any]] = json.loads(self.helm("history", NAME, "--output", "json").checked().stdout)
        return found

    def test(self) -> None:
        """`helm test`."""
        self.helm("test", NAME, "--logs", *self._deadline(None)).checked()

    def log(self) -> str:
        """What the controller's pods have logged."""
        asked = ("logs", "--namespace", NAMESPACE, "--tail=-1")
        names = [pod["metadata"]["name"] for pod in self.controller_pods()]
        return "".join(
            self.lab.kubectl.run((*asked, n), seconds=self.lab.timeouts.kubectl).checked().stdout for n in names
        )

    def manifest(self) -> list[Object]:
        """The objects that helm has made."""
        text = self.helm("get", "manifest", NAME).checked().stdout
        return [document for document in yaml.safe_load_all(text) if document]

    def hooks(self) -> list[Object]:
        """The objects that helm makes at certain moments, tests among them."""
        text = self.helm("get", "hooks", NAME).checked().stdout
        return [document for document in yaml.safe_load_all(text) if document]

    def controller_pods(self) -> list[Object]:
        """The controller's pods."""
        deployment = self.lab.cluster.get("apps/v1", "Deployment", CONTROLLER, NAMESPACE)
        labels = (deployment or {}).get("spec", {}).get("selector", {}).get("matchLabels", {})
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        return self.lab.cluster.objects("v1", "Pod", NAMESPACE, labels=selector) if selector else []

    def settle(self) -> None:
        """Wait until only pods of this revision run, and the webhook answers from wherever the API server is."""

        def settled() -> None:
            deployment = self.lab.cluster.get("apps/v1", "Deployment", CONTROLLER, NAMESPACE)
            assert_rolled_out(deployment, self.controller_pods())

        def answered() -> None:
            said = self.try_probe().stderr
            assert "failed calling webhook" not in said, said.strip()

        seconds = self.lab.timeouts.controller
        wait_for(settled, what="the controller's pods", seconds=seconds, detail=self.describe)
        wait_for(answered, what="the webhook", seconds=seconds, detail=self.describe)

    def try_probe(self, probe: Mapping[str, Any] = PROBE) -> Completed:
        """What the API server, and the webhook behind it, say to a SeldonDeployment that is never stored."""
        command = ("create", "--dry-run=server", "--filename", "-")
        return self.lab.kubectl.run(command, seconds=self.lab.timeouts.kubectl, text=json.dumps(probe))

    def describe(self) -> str:
        """What the controller's pods say of themselves, and the end of the log of those that ended."""
        found = self.controller_pods()
        return "\n".join([pods.describe(found), *self.tails(found), *self.warnings()])

    def warnings(self) -> list[str]:
        """What the cluster warned of last in the release's namespace: probes that fail, pods that are refused."""
        found = self.lab.cluster.objects("v1", "Event", NAMESPACE)
        events = sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime")))
        told = (f"{event['reason']}: {event['message']}" for event in events if event.get("type") == "Warning")
        return list(dict.fromkeys(told))[-SHOWN_EVENTS:]

    def tails(self, found: Sequence[Object]) -> list[str]:
        """The last lines of the logs of containers that were started again."""
        again = (pod for pod in found if any(each["restartCount"] for each in pods.container_statuses(pod)))
        ended = [pod["metadata"]["name"] for pod in again]
        asked, seconds = ("logs", "--namespace", NAMESPACE, "--previous", "--tail=5"), self.lab.timeouts.kubectl
        return [self.lab.kubectl.run((*asked, name), seconds=seconds).stdout.strip() for name in ended]

    def helm(self, verb: str, *arguments: str, text: str | None = None, seconds: float | None = None) -> Completed:
        """Run helm in the release's namespace."""
        limit = (seconds or self.lab.timeouts.helm) + SPARE_SECONDS
        return self.lab.helm.run((verb, *arguments, "--namespace", NAMESPACE), seconds=limit, text=text)

    def _upgrade(
        self, chart: Path, values: Mapping[str, Any] | None, options: tuple[str, ...], seconds: float | None
    ) -> None:
        files = (
            ()
            if "--reuse-values" in options
            else tuple(word for file in self.files for word in ("--values", str(file)))
        )
        told: tuple[str, ...] = ("--values", "-") if values else ()
        command = (NAME, str(chart), *options, *files, *told, "--wait", *self._deadline(seconds))
        text = json.dumps(values) if values else None
        ended = self.helm("upgrade", *command, text=text, seconds=seconds)
        if ended.returncode != 0:
            refused = AssertionError(f"helm upgrade says: {' '.join(ended.stderr.split())}")
            refused.add_note(self.describe())
            raise refused

    def _make_namespace(self) -> None:
        labels = SECURE
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
        words = ("apply", "--server-side", "--force-conflicts", "--field-manager", FIELD_MANAGER, "-f", "-")
        self.lab.kubectl.run(words, seconds=self.lab.timeouts.kubectl, text=json.dumps(manifest)).checked()

    def _status(self) -> str:
        listed = json.loads(self.helm("list", "--all", "--filter", f"^{NAME}$", "--output", "json").checked().stdout)
        return str(listed[0]["status"]) if listed else ""

    def _deadline(self, seconds: float | None) -> tuple[str, str]:
        return ("--timeout", f"{seconds or self.lab.timeouts.helm:g}s")
