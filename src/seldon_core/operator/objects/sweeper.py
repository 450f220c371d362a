"""Takes away what is left over of kinds that the installation no longer uses.

Who switches Istio off in the chart's values wants its routes gone; but a kind that is not used is not watched, so that
the usual clean-up does not see them. Values change with the process alone: each process looks once, when it leads.

Only what is ours goes: owned by a SeldonDeployment that is there and is served here, and written by this controller.
What a former controller made, and we never wrote, stays.
"""

import asyncio
import logging
from collections.abc import Iterable

from seldon_core.kube import ApiError, Client, NotFoundError, Object, Resource, key_of
from seldon_core.kube.backoff import Attempts, Backoff
from seldon_core.kube.client import Selection
from seldon_core.operator.log import about
from seldon_core.operator.report.events import Recorder

from . import ownedfields
from .caches import Caches
from .kinds import FIELD_MANAGER, OPTIONAL
from .ownership import controller_of, is_seldon

_log = logging.getLogger(__name__)

BACKOFF = Backoff(first=1.0, longest=60.0)


class Sweeper:
    """Looks through the kinds that are not used.

    Args:
        client: The API server.
        caches: The SeldonDeployments, and which kinds are used.
        namespace: The one that is served, or None for all.
        controller_id: Only SeldonDeployments with this label value are served.
        recorder: Events.
        leading: Set while this process may work.
        backoff: Between attempts that failed.
    """

    def __init__(
        self,
        client: Client,
        caches: Caches,
        *,
        namespace: str | None,
        controller_id: str,
        recorder: Recorder,
        leading: asyncio.Event,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._client = client
        self._caches = caches
        self._namespace = namespace
        self._controller_id = controller_id
        self._recorder = recorder
        self._leading = leading
        self._backoff = backoff

    async def run(self) -> None:
        """Look once, kind by kind, and return."""
        await self._caches.wait_synced()
        for resource in sorted(OPTIONAL.difference(self._caches.owned), key=lambda each: each.rbac_name):
            await self._sweep(resource)

    async def _sweep(self, resource: Resource) -> None:
        attempts = Attempts(self._backoff)
        while True:
            await self._leading.wait()
            try:
                for live in await self._left_over(resource):
                    await self._remove(resource, live)
            except NotFoundError:
                return  # the cluster does not know the kind
            except ApiError as error:
                if not error.transient:
                    _log.info("nothing is looked for of %s, which is not used: %s", resource.rbac_name, error)
                    return
                await asyncio.sleep(attempts.pause_after(error))
            else:
                return

    async def _left_over(self, resource: Resource) -> Iterable[Object]:
        listed = await self._client.list(Selection(resource, self._namespace, metadata_only=True))
        return [live for live in listed.items if self._is_ours(live)]

    def _is_ours(self, live: Object) -> bool:
        owner = controller_of(live)
        if owner is None or not is_seldon(owner) or live["metadata"].get("deletionTimestamp"):
            return False
        sdep = self._sdep_of(live)
        if sdep is None or sdep["metadata"]["uid"] != owner.get("uid"):
            return False  # the garbage collector is about to take it
        served = self._caches.serves(sdep, self._controller_id)
        return served and bool(ownedfields.owned_by(live, FIELD_MANAGER))

    def _sdep_of(self, live: Object) -> Object | None:
        owner = controller_of(live) or {}
        return self._caches.seldon_deployments.store.get(owner.get("name", ""), key_of(live)[0])

    async def _remove(self, resource: Resource, live: Object) -> None:
        namespace, name = key_of(live)
        try:
            await self._client.delete(resource, name, namespace, uid=live["metadata"]["uid"])
        except NotFoundError:
            return
        text = f"Deleted {resource.kind} {name}: its use is switched off in the chart's values"
        if sdep := self._sdep_of(live):
            self._recorder.normal(sdep, f"Delete{resource.kind}", text)
        _log.info("%s", text, extra=about(namespace, name))
