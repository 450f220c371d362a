"""From one SeldonDeployment to its objects in the cluster: read, render, apply, prune, report.

Level-triggered: what brought a key here does not matter, only what is there now. Two controllers that do this at the
same time, for some seconds, do the same writes; none undoes the other's.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import SeldonDeployment
from seldon_core.kube import ApiError, Client, ForbiddenError, NotFoundError, Object, key_of
from seldon_core.kube.resources import DEPLOYMENTS, SERVICES, Key

from .config.credentials import NOTHING_READ, CredentialReader, Reading
from .log import about
from .maker import Made, Maker
from .metrics import Metrics
from .objects import scaling
from .objects.applier import Applier, ForeignObjectError
from .objects.caches import Caches
from .objects.kinds import SELDON_DEPLOYMENTS
from .objects.pruner import prune
from .render import RenderError, render, wanted_service_accounts
from .render.config import OperatorConfig
from .report import conditions, readiness, status
from .report.events import Recorder
from .report.redact import redact
from .report.status import Observed, PodTrouble
from .report.troubles import Troubleshooter
from .rollout.holding import with_held_services
from .rollout.rollouts import TURN_SECONDS, Rollouts
from .rollout.standing import DEFAULT_POLICY, Policy
from .rollout.turns import Turns
from .routing import handover
from .routing.settling import SETTLE_SECONDS, Settling

_log = logging.getLogger(__name__)

PATIENT_FAILURES = 5
"""An API server that is away for some seconds is no reason to call a SeldonDeployment failed."""
RESYNC_SECONDS = 300.0
"""Every SeldonDeployment is looked at again after so long: secrets and service accounts are not watched."""
MISSING_CREDENTIALS_SECONDS = 15.0
"""Where a service account, or a secret that it names, is not there yet."""
WAITING_SECONDS = 10.0
"""Where something has to go first; mostly an event tells sooner."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a reconcile came to.

    Attributes:
        again_after: Seconds until the next look, or None where there is nothing to look after.
        retry: The API server refused something that may be allowed later: look again soon, later each time.
    """

    again_after: float | None = None
    retry: bool = False


class Reconciler:
    """Brings SeldonDeployments to what they say.

    Args:
        client: The API server.
        caches: Live objects, synced.
        config: The present configuration.
        recorder: Events.
        metrics: Counts writes.
        controller_id: Only SeldonDeployments with this label value are served.
        policy: Which pods may be replaced when.
        wake: Has a SeldonDeployment looked at soon.
        settle_seconds: Between the change of a route and the removal of what it led to.
        now: The time that conditions get.
    """

    def __init__(
        self,
        client: Client,
        caches: Caches,
        config: Callable[[], OperatorConfig],
        *,
        recorder: Recorder,
        metrics: Metrics,
        controller_id: str = "",
        policy: Policy = DEFAULT_POLICY,
        wake: Callable[[Key], None] = lambda _key: None,
        settle_seconds: float = SETTLE_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._caches = caches
        self._config = config
        self._recorder = recorder
        self._metrics = metrics
        self._controller_id = controller_id
        self._now = now
        self._applier = Applier(client, caches, recorder, metrics)
        turns = Turns(policy.max_concurrent, caches.seldon_deployments.store, wake, self._serves)
        self._rollouts = Rollouts(policy, turns)
        self._settling = Settling(settle_seconds)
        self._maker = Maker(caches, self._applier, self._settling.begin)
        self._credentials = CredentialReader(client)
        self._troubles = Troubleshooter(client, caches, now=now)
        self._advised: dict[Key, tuple[str, frozenset[str]]] = {}  # uid, and what it was told last

    async def reconcile(self, key: Key, failures: int = 0) -> Result:
        """Do what one SeldonDeployment needs now.

        Args:
            key: Which one.
            failures: How often in a row this has failed before; what looks transient and stays is reported at last.

        Raises:
            ApiError: A transient failure: try again later.
            Exception: A fault of ours, which the status tells when it comes twice.
        """
        self._applier.progress.discard(key)
        try:
            return await self._reconcile(key, failures)
        finally:
            self._rollouts.over(key)

    def progressed(self, key: Key) -> bool:
        """Whether the last pass over a SeldonDeployment wrote something, be it that it failed later."""
        return key in self._applier.progress

    def _serves(self, live: Object) -> bool:
        return self._caches.serves(live, self._controller_id)

    async def _reconcile(self, key: Key, failures: int) -> Result:
        live = self._caches.seldon_deployments.store.at(key)
        if live is None or live["metadata"].get("deletionTimestamp"):
            # Owner references make the garbage collector take its objects away.
            self._advised.pop(key, None)
            return Result()
        if not self._serves(live):
            return Result()
        try:
            return await self._fulfil(live)
        except (ManifestError, RenderError, ForeignObjectError) as error:
            await self._report_error(live, type(error).__name__.removesuffix("Error"), str(error))
            return Result(again_after=RESYNC_SECONDS)
        except ApiError as error:
            if isinstance(error, ForbiddenError) and error.is_namespace_ending:
                # The SeldonDeployment goes, too: what went before it is not to be made anew.
                _log.debug("%s", error, extra=about(*key))
                return Result()
            # What was there a moment ago, in a cache, may have gone meanwhile: the next look knows.
            passing = error.transient or isinstance(error, NotFoundError)
            if passing and failures < PATIENT_FAILURES:
                raise
            await self._report_error(live, error.reason or "Refused", str(error))
            return Result(retry=True)
        except Exception as error:
            if failures:
                fault = f"A fault of the controller ({type(error).__name__}), its log tells more: please report it."
                await self._report_error(live, "InternalError", fault)
            raise

    async def _fulfil(self, live: Object) -> Result:
        sdep = load(live)
        credentials = await self._credentials_of(sdep)
        rendered = render(sdep, self._config(), credentials.facts)
        again_after = RESYNC_SECONDS if credentials.complete else MISSING_CREDENTIALS_SECONDS
        self._advise(live, rendered.warnings)
        pairs = await self._maker.deployments(rendered, live)
        standing = self._rollouts.stand(sdep, live, pairs, self._applier.is_fulfilled, credentials.unread)
        services = self._caches.owned[SERVICES].store
        rendered, waits = with_held_services(
            rendered, pairs, standing.held, lambda name: services.get(name, sdep.metadata.namespace)
        )
        settled = not self._settling.seconds_left(sdep.metadata.uid)
        made = await self._maker.lead_round(rendered, live, may_step=settled)
        if made is not None and made.waiting:
            settling = self._settling.seconds_left(sdep.metadata.uid)
            again_after = min(again_after, settling) if settling or made.rerouted else again_after
        else:
            made = await self._maker.serve(rendered, live, standing.held)
        deployments = [
            (name, made.objects.get((DEPLOYMENTS, (sdep.metadata.namespace, name)))) for name in rendered.deployments
        ]
        pruned = True
        enough = scaling.enough(rendered.objects)
        rollouts = [
            readiness.rollout(d, enough.get(name)) if d is not None else readiness.not_there(name)
            for name, d in deployments
        ]
        if readiness.all_ready(rollouts) and not made.waiting and not waits:
            await self._maker.route(rendered, live, made, may_step=settled)
            settling = self._settling.seconds_left(sdep.metadata.uid)
            again_after = min(again_after, settling) if settling or made.rerouted else again_after
            # Where a route cannot be written, the one that is there may still lead to what would be taken away.
            stuck = any(not self._caches.is_absent(resource) for resource in made.unusable)
            # Who holds pods as they are holds those that would go, too.
            present = [d for _, d in deployments if d is not None]
            leaving = handover.seconds_of_leaving(self._caches, present, self._now())
            again_after = min(again_after, leaving or again_after)
            stays = bool(made.waiting or settling or stuck or leaving or standing.request.holds)
            pruned = stays or await self._prune(live, made)
        if made.waiting:
            trouble: PodTrouble | None = PodTrouble("Waiting", made.waiting, failed=False)
        else:
            there = ((r, d) for r, (_, d) in zip(rollouts, deployments, strict=True) if d is not None)
            found = await self._troubles.trouble_of(there)
            trouble = found.trouble
            again_after = min(again_after, found.again_after or again_after)
            if trouble is not None and trouble.cause:
                untold = self._recorder.standing(
                    live, trouble.reason, trouble.sentence, cause=trouble.cause, occurrence=trouble.occurrence
                )
                again_after = min(again_after, untold or again_after)
        observed = Observed(
            generation=sdep.metadata.generation,
            rollouts=rollouts,
            services=rendered.services,
            services_created=sum(resource == SERVICES for resource, _ in made.objects) == len(rendered.services),
            attached=conditions.observe(self._caches, made.wanted, sdep.metadata.uid),
            address=rendered.address_url,
            trouble=trouble,
            waiting=bool(made.waiting),
            rollout=self._rollouts.condition(
                standing,
                live,
                ready=readiness.all_ready(rollouts) and not made.waiting,
                failed=any(each.failed for each in rollouts),
            ),
            pod_templates=standing.remembered(carried_out=not made.waiting),
        )
        if not await self._write_status(live, observed):
            return Result(again_after=WAITING_SECONDS)
        if standing.unread:
            again_after = min(again_after, MISSING_CREDENTIALS_SECONDS)
        if standing.held:
            again_after = 0.0 if standing.begins else min(again_after, TURN_SECONDS)
        return Result(again_after=min(again_after, WAITING_SECONDS) if made.waiting else again_after, retry=not pruned)

    async def _prune(self, live: Object, made: Made) -> bool:
        """Take away what is left over. What serves is not worse for it if that is refused: said, and tried again."""
        try:
            await prune(self._caches, self._applier, live, made.wanted)
        except ApiError as error:
            if error.transient:
                raise
            self._recorder.warning(live, "InternalError", str(error))
            _log.warning("%s", error, extra=about(*key_of(live)))
            return False
        return True

    async def _credentials_of(self, sdep: SeldonDeployment) -> Reading:
        if not self._config().service_account_credentials:
            return NOTHING_READ
        changed = (sdep.status or {}).get("observedGeneration") != sdep.metadata.generation
        return await self._credentials.read(sdep.metadata.namespace, wanted_service_accounts(sdep), fresh=changed)

    def _advise(self, live: Object, warnings: Sequence[str]) -> None:
        """Tell what has no effect, once for each generation; later only what another configuration brings up."""
        metadata = live["metadata"]
        new = (live.get("status") or {}).get("observedGeneration") != metadata.get("generation")
        uid, before = self._advised.get(key_of(live), ("", frozenset()))
        self._advised[key_of(live)] = (metadata["uid"], frozenset(warnings))
        if not new and uid != metadata["uid"]:
            # This process looks at it for the first time: the one before it has told.
            return
        for sentence in warnings:
            if new or sentence not in before:
                generation = str(metadata.get("generation") or "")
                self._recorder.standing(live, "Advice", sentence, cause=sentence, occurrence=generation, again=False)

    async def _report_error(self, live: Object, reason: str, sentence: str) -> None:
        sentence = redact(sentence)
        self._recorder.warning(live, "InternalError", sentence)
        _log.warning("%s", sentence, extra=about(*key_of(live)))
        generation = live["metadata"].get("generation", 0)
        await self._write_status(live, Observed(generation=generation, error=sentence, error_reason=reason))

    async def _write_status(self, live: Object, observed: Observed) -> bool:
        """Whether the SeldonDeployment is there still, and its status as it was observed."""
        before = live.get("status") or {}
        now = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        patch = status.merge_patch(before, status.compose(observed, before, now))
        if not patch:
            return True
        namespace, name = key_of(live)
        # The version as a precondition: under this name may be another object by now, and this is not its status.
        version = live["metadata"]["resourceVersion"]
        try:
            answer = await self._client.patch_status(
                SELDON_DEPLOYMENTS, name, patch, namespace, resource_version=version
            )
        except NotFoundError:
            return False
        self._caches.seldon_deployments.learn(answer)
        self._metrics.writes.increment(kind=SELDON_DEPLOYMENTS.kind, verb="status")
        state = observed.state().value
        if before.get("state") != state:
            _log.info("state %s -> %s", before.get("state") or "none", state, extra=about(*key_of(live)))
        return True
