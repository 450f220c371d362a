"""Finds out what would change: reads what is there, renders what is wanted as the controller does, and plans.

Nothing is written. What is rendered is what the controller would render: with its configuration, and with the same
facts about service accounts, read by the same code.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import KIND, SeldonDeployment
from seldon_core.api.unknown import unknown_fields
from seldon_core.api.values import Values
from seldon_core.kube import Client, NotFoundError, Object, Resource, key_of
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import DEPLOYMENTS, Key
from seldon_core.operator.config.credentials import NOTHING_READ, CredentialReader, Reading
from seldon_core.operator.objects import scaling
from seldon_core.operator.objects.kinds import OPTIONAL, owned_kinds, owned_resource
from seldon_core.operator.objects.ownership import Owner, owner_of, with_owner
from seldon_core.operator.render import Rendered, RenderError, render, wanted_service_accounts
from seldon_core.operator.render.config import OperatorConfig
from seldon_core.operator.report.disclosure import between, disclosed
from seldon_core.operator.report.plan import plan
from seldon_core.operator.rollout.standing import Policy, Standing, stand
from seldon_core.operator.rollout.unread import NOTHING_UNREAD, Unread
from seldon_core.operator.webhook.admission import judge

from .applying import LAST_APPLIED
from .changed import ObjectChange, Outcome, object_change, own_change

_SERVER_FIELDS = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"})

_STEP: Final = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")

Live = Mapping[Resource, Mapping[Key, Object]]


@dataclass(frozen=True)
class Subject:
    """A SeldonDeployment, now and as it will be.

    Attributes:
        before: The live object, None where there is none.
        after: As it will be stored.
    """

    before: Object | None
    after: Object

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return key_of(self.after)

    @property
    def is_edited(self) -> bool:
        """Whether the webhook judges it: it is new, or its spec or annotations change."""
        return self.before is None or _judged(self.before) != _judged(self.after)


@dataclass
class Differ:
    """Tells what becomes of SeldonDeployments.

    Attributes:
        client: The API server.
        values: The values that the controller will have.
        config: The configuration that the controller will have.
        notes: What could not be read, and what that means: a sentence each.
    """

    client: Client
    values: Values
    config: OperatorConfig
    notes: list[str] = field(default_factory=list)

    async def outcomes(self, subjects: Iterable[Subject], *, everywhere: bool) -> list[Outcome]:
        """What becomes of each.

        Args:
            subjects: SeldonDeployments.
            everywhere: Read all namespaces at once.

        Raises:
            ApiError: The API server refuses, or cannot be asked.
        """
        chosen = list(subjects)
        namespaces = [None] if everywhere else sorted({each.key[0] for each in chosen})
        live: dict[Resource, dict[Key, Object]] = {}
        for resource in owned_kinds(self.config):
            for namespace in namespaces:
                found = await self._list(resource, namespace)
                if found is not None:
                    live.setdefault(resource, {}).update({key_of(each): each for each in found})
        reader = CredentialReader(self.client)
        result = [await self._outcome(each, live, reader) for each in chosen]
        if reader.refused is not None:
            self.notes.append(
                f"Credentials of service accounts are left out, so init containers may seem to change: {reader.refused}"
            )
        return result

    async def _list(self, resource: Resource, namespace: str | None) -> list[Object] | None:
        try:
            return (await self.client.list(Selection(resource, namespace))).items
        except NotFoundError:
            if resource not in OPTIONAL:
                raise
            note = f"The cluster does not know {resource.rbac_name}: the controller makes none."
            if note not in self.notes:
                self.notes.append(note)
            return None

    async def _outcome(self, subject: Subject, live: Live, reader: CredentialReader) -> Outcome:
        namespace, name = subject.key
        own = self._own(subject)
        before = [own] if own else []
        try:
            sdep = load(subject.after)
            # The webhook lets an update in that leaves alone what it judges.
            if subject.is_edited and (errors := judge(sdep, self.config).errors):
                return Outcome(namespace=namespace, name=name, changes=tuple(before), problems=errors)
            credentials = await self._credentials(sdep, reader)
            rendered = render(sdep, self.config, credentials.facts)
        except (ManifestError, RenderError) as error:
            return Outcome(namespace=namespace, name=name, changes=tuple(before), problems=(str(error),))
        self.notes += [f"{name}: {sentence}" for sentence in rendered.warnings]
        known = _known(rendered, live)
        uid = subject.before["metadata"]["uid"] if subject.before else ""
        if taken := _taken(known, live, name, uid):
            return Outcome(namespace=namespace, name=name, changes=tuple(before), problems=(taken,))
        owner = (name, uid) if uid else None
        standing = self._stand(sdep, known, live, owner, credentials.unread)
        changes = plan(known, _owned(live, name, uid), owner=owner, held=standing.held)
        return Outcome(
            namespace=namespace,
            name=name,
            changes=(*before, *(object_change(each) for each in changes)),
            in_turn=bool(standing.in_turn),
        )

    def _stand(
        self, sdep: SeldonDeployment, rendered: Rendered, live: Live, owner: tuple[str, str] | None, unread: Unread
    ) -> Standing:
        """Which pods may be replaced, by the controller's own rules."""
        scaled = scaling.scaled(rendered.objects)
        pairs = []
        for manifest in rendered.objects:
            if owned_resource(manifest) == DEPLOYMENTS:
                wanted = with_owner(manifest, *owner) if owner else manifest
                there = live[DEPLOYMENTS].get(key_of(manifest)) if owner else None
                pairs.append((scaling.hold_replicas(scaled, wanted, there) if there else wanted, there))
        manager = self.values.manager
        policy = Policy(takeover=manager.takeover, max_concurrent=manager.rollout.max_concurrent)
        return stand(sdep, pairs, policy, unread=unread)

    async def _credentials(self, sdep: SeldonDeployment, reader: CredentialReader) -> Reading:
        if not self.config.service_account_credentials:
            return NOTHING_READ
        reading = await reader.read(sdep.metadata.namespace, wanted_service_accounts(sdep))
        # What we may not read here, the controller may: that is said, and decides nothing.
        return reading if reader.refused is None else replace(reading, unread=NOTHING_UNREAD)

    def _own(self, subject: Subject) -> ObjectChange | None:
        namespace, name = subject.key
        unknown = unknown_fields(subject.after)
        self.notes += [f"{name}: {sentence}" for sentence in unknown]
        after = _written(subject.after)
        for sentence in unknown:
            _drop(after, sentence.partition(": ")[0])
        differences = list(disclosed(between(_written(subject.before or {}), after)))
        return own_change(KIND, namespace, name, exists=subject.before is not None, differences=differences)


def _judged(sdep: Object) -> tuple[Any, Any]:
    return sdep.get("spec"), sdep["metadata"].get("annotations") or {}


def _drop(sdep: Object, path: str) -> None:
    """Take out a field that the API server drops; `path` as in `spec.predictors[0].replica`."""
    steps = [int(index) if index else name for index, name in _STEP.findall(path)]
    inside: Any = sdep
    for step in steps[:-1]:
        inside = inside[step]
    del inside[steps[-1]]


def _written(sdep: Mapping[str, object]) -> Object:
    """What people write of an object."""
    given = sdep.get("metadata")
    metadata = {k: v for k, v in given.items() if k not in _SERVER_FIELDS} if isinstance(given, Mapping) else {}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    metadata["annotations"] = annotations
    return copy.deepcopy({"metadata": metadata, "spec": sdep.get("spec") or {}})


def _known(rendered: Rendered, live: Live) -> Rendered:
    """What can be made in this cluster: of kinds that it knows."""
    return replace(rendered, objects=tuple(each for each in rendered.objects if owned_resource(each) in live))


def _owned(live: Live, name: str, uid: str) -> dict[tuple[Resource, Key], Object]:
    return {
        (resource, key): each
        for resource, objects in live.items()
        for key, each in objects.items()
        if uid and owner_of(each, name, uid) is Owner.OURS
    }


def _taken(rendered: Rendered, live: Live, name: str, uid: str) -> str:
    """Why the controller would refuse: a name that it wants is somebody else's; empty where all are free."""
    for manifest in rendered.objects:
        there = live[owned_resource(manifest)].get(key_of(manifest))
        if there is not None and owner_of(there, name, uid) is Owner.FOREIGN:
            return (
                f"{manifest['kind']} {manifest['metadata']['name']} exists already and is not this SeldonDeployment's: "
                "delete it, or rename the SeldonDeployment or its predictor."
            )
    return ""
