"""Keeps the webhook trusted: certificates in a Secret, their authority in the webhook's configuration, both kept so.

Drift (someone empties `caBundle`, deletes the Secret) is repaired, expiry is met before it comes, and the running
server takes a new certificate without a restart.
"""

import asyncio
import base64
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from seldon_core.kube import (
    AlreadyExistsError,
    ApiError,
    Client,
    ConflictError,
    Informer,
    NotFoundError,
    Object,
    Timings,
)
from seldon_core.kube.backoff import Attempts, Backoff
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import SECRETS, VALIDATING_WEBHOOK_CONFIGURATIONS

from . import rotation
from .rotation import Stored
from .servercert import ServerCertificate

_log = logging.getLogger(__name__)

QUICK_STEPS = 3
"""Writes in a row without a pause: a first certificate takes two. More mean that somebody else writes against us."""
CHECK_SECONDS = 30.0
"""How often the Secret is read: to see what another controller has written, and whether it is time."""


def server_names(service: str, namespace: str) -> tuple[str, ...]:
    """The DNS names under which the API server calls a Service."""
    return (f"{service}.{namespace}.svc", service, f"{service}.{namespace}", f"{service}.{namespace}.svc.cluster.local")


def configuration_informer(client: Client, name: str, timings: Timings | None) -> Informer:
    """Watches the one ValidatingWebhookConfiguration of that name."""
    return Informer(
        client, Selection(VALIDATING_WEBHOOK_CONFIGURATIONS, fields=f"metadata.name={name}"), timings=timings
    )


class Trust:
    """The webhook's certificates.

    Args:
        client: The API server.
        namespace: Where the Secret is.
        secret: Its name.
        service: The Service in front of the webhook.
        configuration: The ValidatingWebhookConfiguration; empty where there is none.
        now: The time.
        timings: Of the configuration's informer.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        secret: str,
        service: str,
        configuration: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timings: Timings | None = None,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._secret = secret
        self._names = server_names(service, namespace)
        self._configuration = configuration
        self._now = now
        self._server = ServerCertificate()
        self._changed = asyncio.Event()
        self.ready = asyncio.Event()
        self.informer = configuration_informer(client, configuration, timings)
        self.informer.on_event(lambda _: self._changed.set())

    @property
    def context(self) -> ssl.SSLContext:
        """What the webhook's server serves with."""
        return self._server.context

    @property
    def problem(self) -> str:
        """What is missing before the API server can call the webhook; empty where nothing is."""
        if not self._server.chain:
            return "there is no certificate yet"
        if self._configuration and not self.ready.is_set():
            return f"the authority is not in ValidatingWebhookConfiguration {self._configuration} yet"
        return ""

    async def run(self) -> None:
        """Check, repair and renew until cancelled."""
        if self._configuration:
            await self.informer.synced.wait()
        attempts, backoff, steps = Attempts(), Backoff(), 0
        while True:
            self._changed.clear()
            pause = CHECK_SECONDS
            try:
                steps = steps + 1 if await self.check() else 0
                if steps:
                    # One step at a time, and the next one after a look at what others do. The first certificate is
                    # urgent.
                    pause = 0.0 if not self.ready.is_set() else CHECK_SECONDS
                attempts.succeeded()
            except ApiError as error:
                pause = attempts.pause_after(error)
                _log.warning("the webhook's certificate cannot be kept, again in %.1f s: %s", pause, error)
            if steps > QUICK_STEPS:
                await asyncio.sleep(backoff.delay(steps - QUICK_STEPS))
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    async def check(self) -> bool:
        """One look, and at most one step.

        Returns:
            Whether something was written.

        Raises:
            ApiError: The API server refuses, or cannot be asked.
        """
        secret = await self._read_secret()
        stored = _stored(secret)
        if stored is not None:
            self._server.use(stored.server.certificate, stored.server.key)
            if self._configuration and await self._publish(stored):
                return True
        self._note(stored)
        wanted = rotation.next_stored(stored, self._trusted(), self._names, self._now())
        if wanted is None:
            return False
        try:
            await self._write_secret(secret, wanted)
        except (ConflictError, AlreadyExistsError):
            # Another controller was quicker; what it wrote is read at the next look.
            _log.info("another controller has written the webhook's certificate")
        return True

    def _note(self, stored: Stored | None) -> None:
        trusted = stored is not None and (not self._configuration or self._trusted() == stored.bundle)
        if trusted:
            self.ready.set()
        else:
            self.ready.clear()

    async def _read_secret(self) -> Object | None:
        try:
            return await self._client.get(SECRETS, self._secret, self._namespace)
        except NotFoundError:
            return None

    async def _write_secret(self, secret: Object | None, wanted: Stored) -> None:
        data = {key: base64.b64encode(value).decode() for key, value in wanted.to_data().items()}
        if secret is None:
            metadata = {"name": self._secret, "namespace": self._namespace}
            manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
            await self._client.create(SECRETS, manifest)
        else:
            # The version as a precondition: of two controllers one wins, and both then use what that one wrote.
            version = {"resourceVersion": secret["metadata"]["resourceVersion"]}
            await self._client.patch(SECRETS, self._secret, {"metadata": version, "data": data}, self._namespace)
        _log.info("wrote the webhook's certificate", extra={"secret": self._secret})

    async def _publish(self, stored: Stored) -> bool:
        """Write the authority into the webhook's configuration where it is not there."""
        live = self.informer.store.get(self._configuration)
        if live is None or not live.get("webhooks") or self._trusted() == stored.bundle:
            return False
        bundle = base64.b64encode(stored.bundle).decode()
        hooks = [{"name": hook["name"], "clientConfig": {"caBundle": bundle}} for hook in live["webhooks"]]
        resource = VALIDATING_WEBHOOK_CONFIGURATIONS
        manifest = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": self._configuration, "uid": live["metadata"]["uid"]},
            "webhooks": hooks,
        }
        self.informer.learn(await self._client.apply(resource, manifest))
        _log.info("wrote the authority into the webhook's configuration", extra={"configuration": self._configuration})
        return True

    def _trusted(self) -> bytes:
        """The bundle that all hooks of the configuration have; empty where they differ or have none."""
        return bundle_of(self.informer.store.get(self._configuration) if self._configuration else None)


def bundle_of(configuration: Object | None) -> bytes:
    """The bundle that all hooks of a webhook configuration have; empty where they differ or have none."""
    hooks = (configuration or {}).get("webhooks") or ()
    bundles = {(hook.get("clientConfig") or {}).get("caBundle") or "" for hook in hooks}
    return base64.b64decode(bundles.pop()) if len(bundles) == 1 else b""


def _stored(secret: Object | None) -> Stored | None:
    data = (secret or {}).get("data") or {}
    try:
        return Stored.from_data({key: base64.b64decode(value) for key, value in data.items()})
    except ValueError:
        return None
