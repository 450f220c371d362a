"""Undoes a storage migration by its record: fields get their old values, and keys are taken away.

What somebody has changed since is not a migration's any more, and stays as it is.
"""

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from seldon_core.kube import ApiError, Client, NotFoundError
from seldon_core.kube.resources import SECRETS
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from seldon_core.storage.migration_plan import Edit

from . import migrate_record
from .migrate_apply import Steps, pointer, step
from .migrate_read import FIELD_MANAGER, MADE_BY, owned_keys
from .migrate_record import FieldRecord, Record, SecretRecord


async def rollback(client: Client, namespace: str, names: Collection[str]) -> list[str]:
    """Undo what is on record for a namespace, or for these of its SeldonDeployments.

    Returns:
        A sentence for each thing that stays as it is.
    """
    client = client.named(FIELD_MANAGER)
    record, version = await migrate_record.read(client, namespace)
    chosen = [name for name in _deployments(record) if not names or name in names]
    problems = [
        f"No migration of SeldonDeployment {namespace}/{name} is on record."
        for name in names
        if name not in _deployments(record)
    ]
    for name in chosen:
        if await _restore(client, namespace, name, record.deployments.get(name, []), problems):
            record.deployments.pop(name, None)
            for secret in record.secrets.values():
                secret.deployments = [each for each in secret.deployments if each != name]
    for name, secret in list(record.secrets.items()):
        if secret.deployments:
            print(f"{namespace}/{name}: secret stays for {', '.join(secret.deployments)}", file=sys.stderr)
        elif await _take_keys(client, namespace, name, secret, problems):
            del record.secrets[name]
    if version:
        await migrate_record.write(client, namespace, record, version)
    return problems


def _deployments(record: Record) -> list[str]:
    used = (name for secret in record.secrets.values() for name in secret.deployments)
    return sorted({*record.deployments, *used})


async def _restore(
    client: Client, namespace: str, name: str, fields: Sequence[FieldRecord], problems: list[str]
) -> bool:
    """Put fields back that are as the migration left them; True where nothing of it is left."""
    try:
        live = await client.get(SELDON_DEPLOYMENTS, name, namespace)
    except NotFoundError:
        return True
    except ApiError as error:
        problems.append(f"SeldonDeployment {namespace}/{name}: {error}")
        return False
    steps: Steps = []
    for each in fields:
        place = _at(live, each.path)
        now = place.get(each.field) if place else None
        if place is None or (each.path[-1] != "explainer" and place.get("name") != each.node):
            problems.append(f"{namespace}/{name}: {each.node} is not at {pointer(each.path)} any more: left as it is.")
        elif now == each.after:
            steps += step(each.path, Edit(each.field, now, each.before)) if now != each.before else []
        elif now != each.before:
            problems.append(f"{namespace}/{name}: {each.field} of {each.node} was changed since: left as it is.")
    if not steps:
        return True
    try:
        await client.patch_places(SELDON_DEPLOYMENTS, name, steps, namespace)
        print(f"{namespace}/{name}: put back", file=sys.stderr)
    except ApiError as error:
        problems.append(f"SeldonDeployment {namespace}/{name}: {error}")
        return False
    return True


def _at(obj: Any, path: Iterable[str | int]) -> dict[str, Any] | None:
    for part in path:
        try:
            obj = obj[part]
        except (KeyError, IndexError, TypeError):
            return None
    return obj if isinstance(obj, dict) else None


async def _take_keys(client: Client, namespace: str, name: str, secret: SecretRecord, problems: list[str]) -> bool:
    try:
        live = await client.get(SECRETS, name, namespace)
        metadata = live["metadata"]
        if secret.created and (metadata.get("labels") or {}).items() >= MADE_BY.items():
            await client.delete(SECRETS, name, namespace, uid=metadata["uid"])
            print(f"{namespace}/{name}: secret deleted", file=sys.stderr)
            return True
        owned = owned_keys(live)
        keys = [key for key in secret.keys if key in (live.get("data") or {}) and key in owned]
        problems += [
            f"Secret {namespace}/{name}: {key} was changed since: left as it is."
            for key in secret.keys
            if key in (live.get("data") or {}) and key not in owned
        ]
        if keys:
            patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "data": dict.fromkeys(keys)}
            await client.patch(SECRETS, name, patch, namespace)
            print(f"{namespace}/{name}: {len(keys)} keys taken away", file=sys.stderr)
    except NotFoundError:
        return True
    except ApiError as error:
        problems.append(f"Secret {namespace}/{name}: {error}")
        return False
    return True
