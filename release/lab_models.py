"""The users' SeldonDeployments that live while the release changes, and what must stay true of them."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.harness import manifests, pods, prediction
from tests.e2e.harness.load import Load, during
from tests.e2e.harness.loadgen import Record
from tests.e2e.harness.waiting import Object, assert_available, wait_for
from tests.e2e.harness.workspace import Workspace

from . import values
from .lab import Lab
from .lab_questions import ClusterQuestions
from .lab_series import figures_of, series_of

SECRET = "seldon-rclone-secret"
PLAIN, ORCHESTRATED = "iris", "iris-orchestrated"
NAMES = (PLAIN, ORCHESTRATED)
OURS = "seldon-core/"
OWNED = (("apps/v1", "Deployment"), ("v1", "Service"), ("gateway.networking.k8s.io/v1", "HTTPRoute"))
Identities = dict[tuple[str, str], str]


def documents() -> list[Object]:
    """A model whose server does the orchestrator's work, and one with an orchestrator's container beside it."""
    orchestrated = manifests.iris(ORCHESTRATED, env_secret=SECRET)
    orchestrated["spec"]["predictors"][0]["svcOrchSpec"] = manifests.SMALL_ORCHESTRATOR
    return [manifests.rclone_secret(SECRET), manifests.iris(PLAIN, env_secret=SECRET), orchestrated]


@dataclass(frozen=True)
class Models:
    """The models in their namespace."""

    lab: Lab
    workspace: Workspace = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "workspace", self.lab.workspace())

    def ensure(self) -> None:
        """Have them there and answering. Raises AssertionError, HopelessError."""
        self.workspace.apply(*documents())
        for name in NAMES:
            # A model of an earlier run may have been left in a bad state, which the controller mends now.
            self.workspace.wait_available(name, tolerate_failed=True)
            self.workspace.wait_led(name)
        self.assert_answer()

    def present(self) -> bool:
        """Whether they are there, whatever became of them."""
        found = {sdep["metadata"]["name"] for sdep in self.lab.seldon_deployments()
                 if sdep["metadata"]["namespace"] == self.workspace.namespace}  # fmt: skip
        return found >= set(NAMES)

    def assert_answer(self) -> None:
        """Each gives the golden prediction, by the image that its pod runs."""
        for name in NAMES:
            assert_predicts(self.workspace, name)

    def pods(self) -> list[Object]:
        """Their pods, those that are ending included."""
        return [pod for name in NAMES for pod in self.workspace.pods(name)]

    def wait_images(self, wanted: Collection[str]) -> None:
        """Wait until only ready pods run, whose images of ours are these, from whatever registry."""

        def there() -> None:
            found = images_of(self.pods())
            wrong = sorted(image for image in found if not _is_among(image, wanted))
            assert not wrong, f"pods still run {', '.join(wrong)}"
            for name in NAMES:
                assert_available(self.workspace.seldon_deployment(name), name)

        seconds = self.lab.timeouts.rollout
        wait_for(
            there, what="pods of this release's images", seconds=seconds, detail=lambda: pods.describe(self.pods())
        )
        for name in NAMES:
            self.workspace.wait_rolled_out(name)

    def generations(self) -> dict[str, int]:
        """How often each SeldonDeployment's spec was written: its users', never the release's."""
        live = {name: self.workspace.seldon_deployment(name) for name in NAMES}
        return {name: found["metadata"]["generation"] for name, found in live.items() if found is not None}

    def pod_ids(self) -> Identities:
        """The uids of the pods that are not on their way out."""
        return {
            ("Pod", pod["metadata"]["name"]): pod["metadata"]["uid"]
            for pod in self.pods()
            if not pod["metadata"].get("deletionTimestamp")
        }

    def of_objects(self, key: str) -> Identities:
        """One field of the metadata of the SeldonDeployments and of what the controller made for them."""
        found: Identities = {}
        for name in NAMES:
            live = self.workspace.seldon_deployment(name)
            if live is not None:
                found["SeldonDeployment", name] = str(live["metadata"][key])
            for api_version, kind in OWNED:
                for each in self.lab.cluster.objects(api_version, kind, self.workspace.namespace):
                    found[kind, each["metadata"]["name"]] = str(each["metadata"][key])
        return found

    @contextmanager
    def asked_on(self, ask: ClusterQuestions, title: str) -> Iterator[tuple[Load, ...]]:
        """Users who ask both models, 110 times a second each, while the block runs.

        At its end "no request is lost" is a check of the stage, and its figures and plots are the report's.
        """
        loads: list[Load] = []
        with ask.expect(
            f"no request is lost: {title}", where="SeldonDeployments under load", hint="The plots show when it was."
        ):
            try:
                with ExitStack() as stack:
                    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                    for name in NAMES:
                        place = folder / name
                        place.mkdir()
                        load = Load(f"{self.workspace.url(name)}{prediction.PATH}", place)
                        loads.append(stack.enter_context(load))
                    yield tuple(loads)
                    for name in NAMES:
                        self.workspace.wait_ended(name)
            finally:
                self._tell(ask, loads)
            for load in loads:
                load.assert_nothing_lost()
            self.lab.gateway.assert_no_retries(self.lab.kubectl, self.lab.timeouts)

    @staticmethod
    def _tell(ask: ClusterQuestions, loads: list[Load]) -> None:
        records: list[Record] = sorted((each for load in loads for each in load.records), key=lambda each: each.sent)
        changes = loads[0].changes if loads else []
        ask.figures.update(figures_of(records, changes))
        ask.series.extend(series_of(records, changes))


change = during
"""One change under several loads: it has the margins of the suite's promise."""


def assert_predicts(workspace: Workspace, name: str) -> None:
    """A real curl through the gateway gets the golden prediction, by the image that the model's pod runs."""
    images = {
        container["image"]
        for pod in workspace.pods(name)
        if not pod["metadata"].get("deletionTimestamp")
        for container in pod["spec"]["containers"]
        if container["name"] == manifests.UNIT
    }
    assert len(images) == 1, f"the pods of {name} run several images: {', '.join(sorted(images)) or 'none'}"
    prediction.assert_iris(workspace.predict(name), unit=manifests.UNIT, image=images.pop())


def images_of(found: list[Object]) -> set[str]:
    """The images of this project that pods run."""
    containers = (c for pod in found for kind in ("initContainers", "containers") for c in pod["spec"].get(kind) or ())
    return {container["image"] for container in containers if OURS in container["image"]}


def _is_among(image: str, wanted: Collection[str]) -> bool:
    return any(image.endswith(f"/{name.removeprefix(values.OURS)}") for name in wanted)
