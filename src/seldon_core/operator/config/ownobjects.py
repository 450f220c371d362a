"""What the controller makes for itself where the chart does not (value `managerCreateResources`).

The Service in front of the webhook, the webhook's configuration, its Secret, and the ConfigMap `seldon-config`. Their
manifests are the chart's, in a file beside the values. They are brought to what the file says when the process starts;
later they are made again where they are missing, and otherwise left alone: during an upgrade an old controller and a
new one run side by side. They name their owner, an object of the release, and go with it.
Source: specification 5.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from seldon_core.kube import ApiError, Client, ForbiddenError, NotFoundError, Object, Resource, key_of
from seldon_core.kube.backoff import Attempts
from seldon_core.kube.resources import CONFIG_MAPS, DEPLOYMENTS, SECRETS, SERVICES, VALIDATING_WEBHOOK_CONFIGURATIONS
from seldon_core.operator.objects import compare

_log = logging.getLogger(__name__)

FIELD_MANAGER: Final = "seldon-core-operator-setup"
"""A name of its own: what is applied under the controller's other name (the authority in the webhook's configuration)
would count as no longer wanted."""

CHECK_SECONDS: Final = 30.0

CLUSTER_ROLES: Final = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
_MADE: Final = {(r.api_version, r.kind): r for r in (CONFIG_MAPS, SECRETS, SERVICES, VALIDATING_WEBHOOK_CONFIGURATIONS)}
_OWNERS: Final = {(r.api_version, r.kind): r for r in (CLUSTER_ROLES, DEPLOYMENTS)}


class UnusableResourcesError(Exception):
    """The file with the manifests cannot be read; the chart has written it."""


def read(path: Path) -> tuple[Object, ...]:
    """The manifests of a file.

    Raises:
        UnusableResourcesError: It is missing, or holds what the controller does not make.
    """
    try:
        return read_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableResourcesError(f"the file {path} (SELDON_RESOURCES_FILE) cannot be used: {error}") from error


def read_text(text: str) -> tuple[Object, ...]:
    """The manifests of a file's text. Raises ValueError."""
    try:
        found = [each for each in yaml.safe_load_all(text) if each]
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    for each in found:
        if not isinstance(each, dict) or (each.get("apiVersion"), each.get("kind")) not in _MADE:
            raise ValueError(f"the controller does not make {each.get('kind') if isinstance(each, dict) else each}")
    return tuple(found)


class OwnObjects:
    """Makes them, and makes them again.

    Args:
        client: The API server, as `FIELD_MANAGER`.
        manifests: From `read`. Their owner references have no uid.
    """

    def __init__(self, client: Client, manifests: Sequence[Object]) -> None:
        self._client = client
        self._manifests = manifests
        self._known: set[tuple[Resource, tuple[str, str]]] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        attempts = Attempts()
        while True:
            pause = CHECK_SECONDS
            try:
                await self.check()
                attempts.succeeded()
            except ApiError as error:
                pause = attempts.pause_after(error)
                _log.warning("what the webhook needs cannot be made, again in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)

    async def check(self) -> None:
        """One look at each object.

        Raises:
            ApiError: The API server refuses, or cannot be asked.
        """
        for manifest in self._manifests:
            resource = _MADE[manifest["apiVersion"], manifest["kind"]]
            namespace, name = key = key_of(manifest)
            live = await _get(self._client, resource, name, namespace)
            if live is not None and (resource, key) in self._known:
                continue
            wanted = await self._owned(manifest)
            if live is None or compare.difference(wanted, live, FIELD_MANAGER):
                await self._client.apply(resource, wanted)
                _log.info("%s %s %s", "made" if live is None else "changed", resource.kind, name)
            self._known.add((resource, key))

    async def _owned(self, manifest: Object) -> Object:
        """The manifest with the uids of its owners; one that is not there, or may not be read, is left out."""
        references = []
        for reference in manifest["metadata"].get("ownerReferences", ()):
            resource = _OWNERS[reference["apiVersion"], reference["kind"]]
            namespace = manifest["metadata"].get("namespace") if resource.namespaced else None
            try:
                owner = await _get(self._client, resource, reference["name"], namespace)
            except ForbiddenError:
                owner = None
            if owner is None:
                _log.warning(
                    "%s %s stays when the release goes: its owner, %s %s, cannot be read",
                    manifest["kind"],
                    manifest["metadata"]["name"],
                    resource.kind,
                    reference["name"],
                )
                continue
            references.append({**reference, "uid": owner["metadata"]["uid"]})
        metadata: dict[str, Any] = {k: v for k, v in manifest["metadata"].items() if k != "ownerReferences"}
        return {**manifest, "metadata": metadata | ({"ownerReferences": references} if references else {})}


async def _get(client: Client, resource: Resource, name: str, namespace: str | None) -> Mapping[str, Any] | None:
    try:
        return await client.get(resource, name, namespace or None)
    except NotFoundError:
        return None
