"""Looks into the stores with the credentials that models are to get, before anything is switched.

In the cluster, in the model's namespace, as the model's service account, with the initializer's own image: a look from
this machine would prove nothing about the network, the trust and the identity that the model's pod has. The pod and its
secret are made for it and deleted afterwards; where this program is killed, the secret goes with the pod, and the pod
ends by itself.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seldon_core.kube import ApiError, Client, Event, EventType, Object
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import PODS, SECRETS
from seldon_core.operator.render import security
from seldon_core.storage.migration import State
from seldon_core.storage.migration_plan import Plan, Site, SitePlan

from .migrate_read import MADE_BY
from .waiting import watch_until

_CONTAINER: Final = "look"
_NAME: Final = "seldon-storage-look-"
_AT_A_TIME: Final = 4
_NO_MODULE: Final = "No module named"
# A mesh's sidecar would keep the pod running after the look.
_NO_SIDECAR: Final = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}
_HOPELESS: Final = frozenset(
    {"ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
)


@dataclass(frozen=True)
class Look:
    """What a look into a store came to, in a sentence."""

    site: Site
    good: bool
    said: str


def candidates(plan: Plan) -> list[SitePlan]:
    """The sites that can be looked at: not what needs a hand first, and no claim, which nothing changes for."""
    return [
        each
        for each in plan.sites
        if each.state is not State.HAND and not each.site.own_init and not each.site.uri.startswith("pvc://")
    ]


async def look(client: Client, plans: Iterable[SitePlan], *, image: str, seconds: float) -> list[Look]:
    """Look at each of them, several at a time, the same credentials and folder once."""
    gate = asyncio.Semaphore(_AT_A_TIME)
    running: dict[Any, asyncio.Task[tuple[bool, str]]] = {}
    keys = []
    async with asyncio.TaskGroup() as group:
        for each in plans:
            site = each.site
            key = (site.namespace, site.uri, site.service_account, frozenset(each.env.items()))
            keys.append((site, key))
            if key not in running:
                running[key] = group.create_task(_guarded(client, each, image=image, seconds=seconds, gate=gate))
    return [Look(site, *running[key].result()) for site, key in keys]


async def _guarded(
    client: Client, plan: SitePlan, *, image: str, seconds: float, gate: asyncio.Semaphore
) -> tuple[bool, str]:
    async with gate:
        try:
            return await _one(client, plan, image=image, seconds=seconds)
        except ApiError as error:
            return False, f"cannot be looked at: {error}"


async def _one(client: Client, plan: SitePlan, *, image: str, seconds: float) -> tuple[bool, str]:
    namespace = plan.site.namespace
    secret = await client.create(SECRETS, _secret(namespace, plan.env))
    secret_name = secret["metadata"]["name"]
    pod: Object | None = None
    try:
        pod = await client.create(PODS, _pod(plan.site, secret_name, image=image, seconds=seconds))
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}
        await client.patch(SECRETS, secret_name, {"metadata": {"ownerReferences": [owner]}}, namespace)
        return await _answer(client, namespace, name, seconds)
    finally:
        with contextlib.suppress(ApiError):
            if pod is not None:
                await client.delete(PODS, pod["metadata"]["name"], namespace)
        with contextlib.suppress(ApiError):
            await client.delete(SECRETS, secret_name, namespace)


async def _answer(client: Client, namespace: str, name: str, seconds: float) -> tuple[bool, str]:
    answers: list[tuple[bool, str]] = []
    waits: list[str] = []
    decided = asyncio.Event()

    def take(event: Event) -> None:
        found = (False, "the pod was deleted") if event.type is EventType.DELETED else _read(event.object, waits)
        if found:
            answers.append(found)
            decided.set()

    selection = Selection(PODS, namespace, fields=f"metadata.name={name}")
    if not await watch_until(client, selection, take, decided, seconds):
        return False, f"no answer within {seconds:g} s{f' ({waits[-1]})' if waits else ''}; --timeout waits longer"
    return answers[0]


def _read(pod: Object, waits: list[str]) -> tuple[bool, str] | None:
    """What the pod came to; None while it goes on."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        if ended := state.get("terminated"):
            said = str(ended.get("message") or "").strip()
            if not said or _NO_MODULE in said:
                said = said or f"exit status {ended.get('exitCode')} without a word"
                said += ": is the image this version's rclone-storage-initializer? Name it with --verify-image"
            return ended.get("exitCode") == 0, said
        waiting = state.get("waiting") or {}
        if waiting.get("reason"):
            waits.append(str(waiting["reason"]))
        if waiting.get("reason") in _HOPELESS:
            return False, f"the pod does not start: {waiting['reason']}: {waiting.get('message', '')}".strip(": ")
    if status.get("phase") == "Failed":
        return False, f"the pod failed: {status.get('reason', '')} {status.get('message', '')}".strip()
    waits += [str(c["message"]) for c in status.get("conditions") or () if c.get("reason") == "Unschedulable"]
    return None


def _secret(namespace: str, env: Mapping[str, str]) -> Object:
    metadata = {"generateName": _NAME, "namespace": namespace, "labels": dict(MADE_BY)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": dict(env)}


def _pod(site: Site, secret: str, *, image: str, seconds: float) -> Object:
    container = {
        "name": _CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "seldon_core.storage.look", site.uri],
        "envFrom": [{"secretRef": {"name": secret}}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "securityContext": security.restricted({}, read_only_root=True),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    metadata = {
        "generateName": _NAME,
        "namespace": site.namespace,
        "labels": {**MADE_BY, "sidecar.istio.io/inject": "false"},
        "annotations": dict(_NO_SIDECAR),
    }
    spec = {
        "restartPolicy": "Never",
        "serviceAccountName": site.service_account,
        "automountServiceAccountToken": False,
        "activeDeadlineSeconds": int(seconds) + 1,
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
