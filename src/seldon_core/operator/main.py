"""The controller's process: wires its parts, starts them in order, and ends them in order."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Any

from seldon_core import __version__
from seldon_core.kube import Client, Elector, Timings
from seldon_core.kube.config import ConfigError
from seldon_core.kube.resources import Key
from seldon_core.transport import loop
from seldon_core.transport.server import HttpServer

from . import log
from .config import ownobjects, settings
from .config.configuration import Configuration, UnusableValuesError
from .config.liveconfig import LiveConfig
from .config.ownobjects import OwnObjects, UnusableResourcesError
from .config.settings import Settings, SettingsError
from .controller import Controller
from .health import Health
from .metrics import Metrics
from .objects.caches import Caches
from .objects.kinds import FIELD_MANAGER, owned_kinds
from .objects.sweeper import Sweeper
from .queue import Queue
from .reconcile import Reconciler
from .report.events import Recorder
from .webhook.mountedcert import MountedCertificate
from .webhook.server import Webhook
from .webhook.trust import Trust

_log = logging.getLogger("seldon_core.operator.main")  # the image runs this module as __main__

DRAIN_SECONDS = 10.0
"""For reconciles and admissions under way when the process is told to end; the pod's grace period must be longer."""


class Operator:
    """All parts of one controller.

    Args:
        client: The API server.
        given: The environment.
        linger_seconds: For so long the webhook still accepts connections after the process is told to end: until then
            nodes may send it some.
    """

    def __init__(self, client: Client, given: Settings, *, linger_seconds: float = 3.0) -> None:
        self._given = given
        self._linger_seconds = linger_seconds
        queue: Queue[Key] = Queue(urgent=lambda key: self.caches.is_new(key))  # noqa: PLW0108 - they are made later
        timings = Timings(relist=given.relist_seconds)
        self.recorder = Recorder(client, busy=lambda: len(queue) > 0)
        self.configuration = Configuration(
            client,
            values_file=given.values_file,
            namespace=given.namespace,
            name=given.config_name,
            recorder=self.recorder,
            timings=timings,
        )
        election = self.configuration.lease
        self.elector = Elector(
            client,
            namespace=given.namespace,
            name=election.name,
            identity=given.identity,
            timings=election.timings,
        )
        self.metrics = Metrics(
            queue_depth=lambda: float(len(queue)), leading=lambda: float(self.elector.leading.is_set())
        )
        # Which kinds are made is said in the values file alone, which does not change while the process runs.
        owned = owned_kinds(self.configuration.current)
        self.caches = Caches(
            client,
            namespace=given.watched_namespace,
            owned=owned,
            # Who has an id of its own goes by the SeldonDeployments' labels alone.
            shared=given.watched_namespace is None and not given.controller_id,
            timings=timings,
        )
        reconciler = Reconciler(
            client.fenced(self.elector.holds),
            self.caches,
            lambda: self.configuration.current,
            recorder=self.recorder,
            metrics=self.metrics,
            controller_id=given.controller_id,
            policy=self.configuration.rollout,
            wake=queue.add,
        )
        self.controller = Controller(
            self.caches,
            reconciler.reconcile,
            queue=queue,
            metrics=self.metrics,
            workers=given.workers,
            leading=self.elector.leading,
            progressed=reconciler.progressed,
        )
        self.configuration.on_change(self.controller.add_all)
        self.sweeper = Sweeper(
            client.fenced(self.elector.holds),
            self.caches,
            namespace=given.watched_namespace,
            controller_id=given.controller_id,
            recorder=self.recorder,
            leading=self.elector.leading,
        )
        self.live_config = LiveConfig(
            client.fenced(self.elector.holds),
            (given.namespace, given.config_name),
            self.configuration.values,
            informer=self.configuration.informer,
            leading=self.elector.leading,
            wrote=self.configuration.learn,
            recorder=self.recorder,
        )
        self.own_objects = (
            OwnObjects(client.named(ownobjects.FIELD_MANAGER), ownobjects.read(given.resources_file))
            if given.resources_file
            else None
        )
        self.trust = _trust(client, given)
        webhook = Webhook(lambda: self.configuration.current, self.metrics)
        # Who does not lead is ready: its webhook answers.
        checks = (
            ("caches", self._missing_caches),
            ("webhook", lambda: self.trust.problem),
            ("leader election", lambda: self.elector.problem),
        )
        self.health_server = HttpServer(Health(checks, self.metrics).handle, name="health")
        self.webhook_server = HttpServer(webhook.handle, name="webhook")

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop, then finish what is under way.

        Raises:
            Exception: Any part failed in a way that it does not handle; the process should end and be started again.
        """
        await self.health_server.start("", self._given.metrics_port)
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(each) for each in self._background()]
            working = group.create_task(self._work())
            await self.webhook_server.start("", self._given.webhook_port, ssl=self.trust.context)
            _log.info("started", extra={"version": __version__, "namespace": self._given.watched_namespace or "*"})
            await stop.wait()
            _log.info("ending")
            self.webhook_server.announce_close()
            self.controller.drain()
            if self.caches.synced and self.elector.leading.is_set():
                await asyncio.wait([working], timeout=DRAIN_SECONDS)
            working.cancel()
            await asyncio.wait([working])
            await self.elector.release()
            await asyncio.sleep(self._linger_seconds)
            await self.webhook_server.drain(DRAIN_SECONDS)
            for task in background:
                task.cancel()
        await self.recorder.flush()
        await self.health_server.drain(1.0)

    async def _work(self) -> None:
        # A rendering without the ConfigMap, or before it is in step with the values, would be another one.
        await self.live_config.settled.wait()
        await self.controller.run()

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        informers = [*self.caches.all, self.configuration.informer]
        if self._given.webhook_configuration:
            informers.append(self.trust.informer)
        runs = [self.trust.run(), self.elector.run(), self.live_config.run(), self.sweeper.run()]
        if self.own_objects:
            runs.append(self.own_objects.run())
        return [*(informer.run() for informer in informers), *runs]

    def _missing_caches(self) -> str:
        configured = self.configuration.informer
        missing = self.caches.missing + (
            [] if configured.synced.is_set() else [configured.selection.resource.rbac_name]
        )
        return f"not complete yet: {', '.join(missing)}" if missing else ""


def _trust(client: Client, given: Settings) -> Trust | MountedCertificate:
    if given.webhook_certificate_folder:
        return MountedCertificate(client, given.webhook_certificate_folder, configuration=given.webhook_configuration)
    return Trust(
        client,
        namespace=given.namespace,
        secret=given.webhook_secret,
        service=given.webhook_service,
        configuration=given.webhook_configuration,
    )


async def serve() -> int:
    """The process from start to end; its exit status."""
    stop = loop.stop_signal()
    try:
        client = Client.connect(field_manager=FIELD_MANAGER)
        given = settings.from_env(os.environ, home_namespace=client.namespace)
        log.configure(given.log_level)
        operator = Operator(client, given)
    except (ConfigError, SettingsError, UnusableResourcesError, UnusableValuesError) as error:
        print(f"seldon-core-operator: {error}", file=sys.stderr)
        return 1
    try:
        await operator.run(stop)
    except ExceptionGroup:
        _log.exception("a part of the controller failed; the process ends, to be started again")
        return 1
    finally:
        await client.close()
    return 0


def main() -> None:
    """Entry point of the image and of `seldon-core-operator`."""
    sys.exit(loop.run(serve()))


if __name__ == "__main__":
    main()
