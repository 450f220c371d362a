"""Carries a storage migration out.

First the record, then secrets, then SeldonDeployments: whatever is interrupted can be run again or rolled back. Only
the places that change are written, under a field manager of our own, and not where somebody changed them meanwhile.
"""

import base64
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from seldon_core.kube import AlreadyExistsError, ApiError, Client, Object
from seldon_core.kube.resources import SECRETS
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from seldon_core.storage.migration_plan import Edit, Plan, SecretPlan, Site, SitePlan

from . import migrate_record
from .migrate_read import FIELD_MANAGER, MADE_BY
from .migrate_record import FieldRecord, Record, SecretRecord

Steps = list[dict[str, Any]]


async def apply(client: Client, plan: Plan) -> list[str]:
    """Carry a plan out; returns a sentence for each thing that could not be done."""
    client = client.named(FIELD_MANAGER)
    problems: list[str] = []
    namespaces = dict.fromkeys([*(s.namespace for s in plan.secrets), *(s.site.namespace for s in plan.sites)])
    for namespace in namespaces:
        secrets = [each for each in plan.secrets if each.namespace == namespace]
        changed = [each for each in plan.sites if each.site.namespace == namespace and each.edits]
        if not secrets and not changed:
            continue
        record, version = await migrate_record.read(client, namespace)
        used = [each for each in plan.sites if each.site.namespace == namespace and each.keys]
        _note(record, secrets, changed, used)
        await migrate_record.write(client, namespace, record, version)
        refused = {each.name async for each in _refused(client, secrets, problems)}
        for deployment in dict.fromkeys(each.site.deployment for each in changed):
            mine = [each for each in changed if each.site.deployment == deployment]
            if any(each.secret in refused for each in mine):
                problems.append(f"SeldonDeployment {namespace}/{deployment} is left as it is, because its secret is.")
                continue
            await _edit(client, namespace, deployment, mine, problems)
    return problems


def _note(record: Record, secrets: Iterable[SecretPlan], changed: Iterable[SitePlan], used: Iterable[SitePlan]) -> None:
    for each in secrets:
        keys = sorted({*(key.name for key in each.keys), *each.copied})
        record.note_secret(each.name, SecretRecord(keys=keys, created=each.create))
    for site in used:
        if site.secret in record.secrets:
            record.note_secret(site.secret, SecretRecord(keys=[], deployments=[site.site.deployment]))
    for site in changed:
        for edit in site.edits:
            record.note_field(
                site.site.deployment,
                FieldRecord(list(site.site.path), site.site.node, edit.field, before=edit.old, after=edit.new),
            )


async def _refused(client: Client, secrets: Sequence[SecretPlan], problems: list[str]) -> AsyncIterator[SecretPlan]:
    for each in secrets:
        try:
            await _write(client, each)
            print(f"{each.namespace}/{each.name}: secret {'made' if each.create else 'extended'}", file=sys.stderr)
        except ApiError as error:
            problems.append(f"Secret {each.namespace}/{each.name}: {error}")
            yield each


async def _write(client: Client, wanted: SecretPlan) -> None:
    data = {name: _encoded(value) for name, value in wanted.copied.items()}
    data |= {key.name: _encoded(key.value) for key in wanted.keys}
    metadata = {"name": wanted.name, "namespace": wanted.namespace}
    if wanted.create:
        body: Object = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}
        try:
            await client.create(SECRETS, {**body, "metadata": {**metadata, "labels": dict(MADE_BY)}})
        except AlreadyExistsError:
            # An earlier run made it and was interrupted; one of somebody else is left alone.
            live = await client.get(SECRETS, wanted.name, wanted.namespace)
            if not (live["metadata"].get("labels") or {}).items() >= MADE_BY.items():
                raise
        else:
            return
    await client.patch(SECRETS, wanted.name, {"data": data}, wanted.namespace)


async def _edit(client: Client, namespace: str, name: str, plans: Sequence[SitePlan], problems: list[str]) -> None:
    steps: Steps = []
    for each in plans:
        steps += _same(each.site)
        for edit in each.edits:
            steps += step(each.site.path, edit)
    try:
        await client.patch_places(SELDON_DEPLOYMENTS, name, steps, namespace)
        print(f"{namespace}/{name}: changed", file=sys.stderr)
    except ApiError as error:
        problems.append(f"SeldonDeployment {namespace}/{name}: {error} (if it was edited meanwhile: run this again)")


def _same(site: Site) -> Steps:
    return [{"op": "test", "path": pointer((*site.path, "modelUri")), "value": site.uri}]


def step(path: Sequence[str | int], edit: Edit) -> Steps:
    """How a field gets its new value, if it still has the old one."""
    place = pointer((*path, edit.field))
    steps: Steps = [] if edit.old is None else [{"op": "test", "path": place, "value": edit.old}]
    if edit.new is not None:
        return [*steps, {"op": "add", "path": place, "value": edit.new}]
    return [*steps, {"op": "remove", "path": place}]


def pointer(path: Iterable[str | int]) -> str:
    """A path as RFC 6901 writes it."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
