"""What a storage migration has changed in a namespace, kept in a ConfigMap there: what `--rollback` undoes.

It holds names of keys and values of fields, no secret: keys are only ever added, so that taking them away is enough.
"""

from typing import Final

import msgspec

from seldon_core.kube import Client, NotFoundError
from seldon_core.kube.resources import CONFIG_MAPS

from .errors import CommandError
from .migrate_read import MADE_BY

NAME: Final = "seldon-storage-migration"
_KEY: Final = "record.json"


class FieldRecord(msgspec.Struct, rename="camel", omit_defaults=True):
    """A field of a SeldonDeployment: where it is, what was there first, and what was put there last."""

    path: list[str | int]
    node: str
    field: str
    before: str | None = None
    after: str | None = None


class SecretRecord(msgspec.Struct, rename="camel", omit_defaults=True):
    """A secret: the keys that were added, whether it was made for the migration, and whose models use it."""

    keys: list[str]
    created: bool = False
    deployments: list[str] = []


class Record(msgspec.Struct, rename="camel"):
    """One namespace."""

    version: int = 1
    deployments: dict[str, list[FieldRecord]] = {}
    secrets: dict[str, SecretRecord] = {}

    def note_field(self, deployment: str, new: FieldRecord) -> None:
        """Note a change; of several the first one's `before` stays."""
        fields = self.deployments.setdefault(deployment, [])
        for old in fields:
            if (old.path, old.field) == (new.path, new.field):
                old.after = new.after
                return
        fields.append(new)

    def note_secret(self, name: str, new: SecretRecord) -> None:
        """Note keys that are added, or another deployment that uses them."""
        old = self.secrets.setdefault(name, SecretRecord(keys=[], created=new.created))
        old.keys = sorted({*old.keys, *new.keys})
        old.deployments = sorted({*old.deployments, *new.deployments})


async def read(client: Client, namespace: str) -> tuple[Record, str]:
    """The record of a namespace and its resourceVersion; an empty one where there is none.

    Raises:
        CommandError: It is there and cannot be understood.
    """
    try:
        found = await client.get(CONFIG_MAPS, NAME, namespace)
    except NotFoundError:
        return Record(), ""
    try:
        record = msgspec.json.decode((found.get("data") or {}).get(_KEY, "{}"), type=Record)
    except msgspec.MsgspecError as error:
        raise CommandError(f"ConfigMap {NAME} in namespace {namespace}: {_KEY} is no record: {error}.") from error
    if record.version != 1:
        raise CommandError(f"ConfigMap {NAME} in namespace {namespace} was written by a newer seldonctl: use that one.")
    return record, str(found["metadata"]["resourceVersion"])


async def write(client: Client, namespace: str, record: Record, version: str) -> None:
    """Store the record over the version that was read, or delete it where nothing is left."""
    if not record.deployments and not record.secrets:
        if version:
            await client.delete(CONFIG_MAPS, NAME, namespace)
        return
    data = {_KEY: msgspec.json.format(msgspec.json.encode(record)).decode()}
    if version:
        patch = {"metadata": {"resourceVersion": version}, "data": data}
        await client.patch(CONFIG_MAPS, NAME, patch, namespace)
        return
    metadata = {"name": NAME, "namespace": namespace, "labels": dict(MADE_BY)}
    await client.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
