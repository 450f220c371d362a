"""How a SeldonDeployment is, as a value: read from its status, its Deployments, and its pods where it is not well."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec

from seldon_core.api import names
from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import PredictiveUnit, Predictor
from seldon_core.kube import ApiError, Client, Object
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import DEPLOYMENTS, PODS
from seldon_core.operator.objects.kinds import DEPLOYMENT_ID, MANAGED_SELECTOR
from seldon_core.operator.objects.ownership import controller_of
from seldon_core.operator.report.reasons import problem_of
from seldon_core.operator.report.redact import redact


class Verdict(Enum):
    """What a status comes to."""

    READY = "ready"
    WAITING = "waiting"
    FAILING = "failing"


class Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is printed as JSON."""


class Node(Value, frozen=True):
    """A node of a graph. `image` is that of a container which the user wrote."""

    name: str
    type: str = ""
    implementation: str = ""
    model_uri: str = ""
    image: str = ""
    children: tuple["Node", ...] = ()


class PredictorReport(Value, frozen=True):
    """A predictor and its graph; `traffic` in percent, 0 where nothing is said."""

    name: str
    traffic: int
    shadow: bool
    graph: Node


class DeploymentReport(Value, frozen=True):
    """A Deployment; `wanted` is None where nobody may read it."""

    name: str
    available: int
    wanted: int | None


class PodReport(Value, frozen=True):
    """A pod that has a problem: who in it, one word for it, and the whole sentence."""

    pod: str
    container: str
    reason: str
    message: str


class ConditionReport(Value, frozen=True):
    """A condition of the status."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class Report(Value, frozen=True):
    """Everything about one SeldonDeployment.

    `observed` is None where the controller of an old release leaves no `observedGeneration`.
    """

    namespace: str
    name: str
    verdict: Verdict
    state: str
    description: str
    address: str
    created: str
    generation: int
    observed: bool | None
    deployments: tuple[DeploymentReport, ...]
    conditions: tuple[ConditionReport, ...]
    pods: tuple[PodReport, ...] = ()
    predictors: tuple[PredictorReport, ...] = ()

    @property
    def replicas(self) -> str:
        """Available and wanted pods of all its Deployments, such as `1/2`."""
        if not self.deployments:
            return "0/?"
        wanted = [each.wanted for each in self.deployments]
        total = "?" if None in wanted else str(sum(count or 0 for count in wanted))
        return f"{sum(each.available for each in self.deployments)}/{total}"

    @property
    def reason(self) -> str:
        """Why it is not well, as a sentence; empty where it is."""
        if self.verdict is Verdict.READY:
            return ""
        if not self.state:
            return "No controller has looked at it yet: is one running, and does it serve this namespace?"
        if self.observed is False:
            return "The controller has not looked at its newest version yet."
        blocking = next((c for c in self.conditions if c.status != "True" and (c.message or c.reason)), None)
        said = self.description or (blocking.message or blocking.reason if blocking else "")
        return said or "Its pods are being started; nothing has failed so far."


def verdict_of(sdep: Mapping[str, Any]) -> Verdict:
    """Whether it is well, on its way, or failing: from the status alone.

    An update that does not get ready counts as failing, although the version before it serves and the state stays
    `Available` for that.
    """
    status = sdep.get("status") or {}
    state, conditions = status.get("state"), _conditions(status)
    if observed(sdep) is False:
        return Verdict.WAITING
    if state == "Failed":
        return Verdict.FAILING
    if state != "Available":
        return Verdict.WAITING
    if conditions.get("Ready", "True") == "True":
        return Verdict.READY
    return Verdict.FAILING if conditions.get("DeploymentsReady") == "False" else Verdict.WAITING


def observed(sdep: Mapping[str, Any]) -> bool | None:
    """Whether the status is about the newest version; None where it does not say."""
    seen = (sdep.get("status") or {}).get("observedGeneration")
    return None if seen is None else bool(seen >= sdep["metadata"].get("generation", 0))


async def read(client: Client, sdeps: list[Object], namespace: str | None) -> tuple[list[Report], list[str]]:
    """The reports, and a sentence for each thing that could not be read.

    Args:
        client: The API server.
        sdeps: Live objects.
        namespace: Where they are; None for several.
    """
    missing: list[str] = []
    deployments = await _list(client, Selection(DEPLOYMENTS, namespace, labels=MANAGED_SELECTOR), missing)
    ill = any(verdict_of(each) is not Verdict.READY for each in sdeps)
    pods = await _list(client, Selection(PODS, namespace, labels=MANAGED_SELECTOR), missing) if ill else []
    return [report_of(each, deployments, pods) for each in sdeps], missing


def report_of(sdep: Object, deployments: Iterable[Object] = (), pods: Iterable[Object] = ()) -> Report:
    """A report from live objects, those of other SeldonDeployments among them."""
    metadata, status = sdep["metadata"], sdep.get("status") or {}
    verdict = verdict_of(sdep)
    return Report(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        verdict=verdict,
        state=str(status.get("state") or ""),
        description=redact(str(status.get("description") or "")),
        address=str((status.get("address") or {}).get("url") or ""),
        created=str(metadata.get("creationTimestamp") or ""),
        generation=metadata.get("generation", 0),
        observed=observed(sdep),
        deployments=tuple(_deployments(sdep, deployments)),
        conditions=tuple(
            ConditionReport(
                type=str(each.get("type")),
                status=str(each.get("status")),
                reason=str(each.get("reason") or ""),
                message=redact(str(each.get("message") or "")),
            )
            for each in status.get("conditions") or ()
        ),
        pods=() if verdict is Verdict.READY else tuple(_pods(sdep, pods)),
        predictors=_predictors(sdep),
    )


def _deployments(sdep: Object, live: Iterable[Object]) -> Iterable[DeploymentReport]:
    told = (sdep.get("status") or {}).get("deploymentStatus") or {}
    uid = sdep["metadata"].get("uid")
    mine = {o["metadata"]["name"]: o for o in live if (controller_of(o) or {}).get("uid") == uid}
    for name in sorted({*told, *mine}):
        available = (told.get(name) or {}).get("availableReplicas", 0)
        wanted = None
        if name in mine:
            available = (mine[name].get("status") or {}).get("availableReplicas", 0)
            wanted = mine[name]["spec"].get("replicas", 1)
        yield DeploymentReport(name=name, available=available, wanted=wanted)


def _pods(sdep: Object, live: Iterable[Object]) -> Iterable[PodReport]:
    metadata = sdep["metadata"]
    for pod in live:
        about = pod["metadata"]
        mine = (about.get("labels") or {}).get(DEPLOYMENT_ID) == names.seldon_id(metadata["name"])
        if not mine or about.get("namespace") != metadata.get("namespace"):
            continue
        problem = problem_of(pod, now=datetime.now(UTC))
        if problem is not None:
            container = problem.who.removesuffix(f"pod {about['name']}").removesuffix(" of ")
            yield PodReport(
                pod=about["name"], container=container, reason=problem.reason, message=problem.sentence()
            )  # fmt: skip


def _predictors(sdep: Object) -> tuple[PredictorReport, ...]:
    try:
        typed = load(sdep)
    except ManifestError:
        # Stored before the rules were as they are; the status says what is wrong with it.
        return ()
    return tuple(
        PredictorReport(
            name=each.name, traffic=each.traffic, shadow=each.shadow, graph=_node(each.graph, _images(each))
        )
        for each in typed.spec.predictors
    )


def _images(predictor: Predictor) -> Mapping[str, str]:
    return {
        container["name"]: str(container.get("image") or "")
        for component in predictor.component_specs
        for container in component.spec.get("containers") or ()
        if "name" in container
    }


def _node(unit: PredictiveUnit, images: Mapping[str, str]) -> Node:
    return Node(
        name=unit.name,
        type=unit.type,
        implementation=unit.implementation,
        model_uri=redact(unit.model_uri),
        image=images.get(unit.name, ""),
        children=tuple(_node(child, images) for child in unit.children),
    )


def _conditions(status: Mapping[str, Any]) -> dict[str, str]:
    return {str(each.get("type")): str(each.get("status")) for each in status.get("conditions") or ()}


async def _list(client: Client, selection: Selection, missing: list[str]) -> list[Object]:
    try:
        return (await client.list(selection)).items
    except ApiError as error:
        missing.append(f"{selection.resource.kind}s are not shown: {error}")
        return []
