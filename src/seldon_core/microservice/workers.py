"""Several processes behind the same ports, where GUNICORN_WORKERS and its like ask for them.

The user's class is made once, in the parent. `load` runs in each worker, as v1.17.1 has it, because what a model opens
(threads, connections, devices) does not survive a fork; where the class or SELDON_PRELOAD says that it does, `load`
runs in the parent, and the workers share the model's memory. A worker listens once its model is loaded, so that no
request finds a sibling that could not answer yet. A class's `custom_service` has a process of its own.
"""

import asyncio
import logging
import os
import random
import secrets
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from seldon_core.transport import listening, loop

from . import component, embedded, parameters
from .app import Microservice
from .crew import Crew
from .errors import StartError
from .settings import Settings
from .supervisor import Link, Supervisor
from .worker_settings import NEVER

_LOG = logging.getLogger(__name__)

Ending = Callable[[Microservice, asyncio.Event], Awaitable[None]]
"""What a process does at its signal."""


def run(settings: Settings, ending: Ending) -> int:
    """Until a signal. Gives the exit status; raises StartError."""
    workers = settings.workers
    settings = _with_ports(settings)
    user_class = component.find_class(settings.component, Path.cwd())
    instance = component.construct(user_class, parameters.parse(settings.parameters))
    wanted = bool(getattr(instance, "preload", False)) if workers.preload is None else workers.preload
    loaded = wanted and _preloaded(instance)
    token = secrets.token_hex(8)
    addresses = [f"\0seldon-microservice-{token}-{slot}" for slot in range(workers.processes)]
    _LOG.info("starting workers", extra={"processes": workers.processes, "preload": loaded})

    def work(link: Link) -> int:
        crew = Crew(
            instance,
            loaded=loaded,
            slot=link.slot,
            addresses=addresses,
            limit=_limit(workers.max_requests, workers.max_requests_jitter),
            full=link.full,
        )
        return loop.run(_serve(settings, crew, link, ending))

    service = getattr(instance, "custom_service", None)
    return Supervisor(workers.processes, work, beside=service if callable(service) else None).run()


def _limit(requests: int, jitter: int) -> int:
    return requests + random.randint(0, jitter) if requests else 0  # noqa: S311 - spreads the ends of processes


def _with_ports(settings: Settings) -> Settings:
    """The same settings with real ports, kept for the workers. Raises StartError."""
    ports = {}
    try:
        for name in ("http_port", "grpc_port", "metrics_port"):
            number = getattr(settings, name)
            ports[name] = listening.reserve(number)
        for number in embedded.ports(settings.executor):
            listening.reserve(number)
    except OSError as error:
        raise StartError(f"The port {number} cannot be listened on: {error.strerror or error}.") from error
    _LOG.info("ports are kept", extra=ports)
    return settings.with_ports(**ports)


def _preloaded(instance: Any) -> bool:
    """Load in the parent. Raises StartError.

    A model that has started threads of Python's would not work in forked processes: the program begins anew, and lets
    each worker load for itself. Threads of native libraries are its author's affair: OpenBLAS survives a fork, OpenMP
    does not where `load` has computed with it.
    """
    before = threading.active_count()
    component.load(instance)
    if threading.active_count() > before:
        _LOG.warning("load() has started threads, which no fork keeps: each worker loads for itself")
        sys.stdout.flush()
        sys.stderr.flush()
        os.environ["SELDON_PRELOAD"] = NEVER
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program
    return True


async def _serve(settings: Settings, crew: Crew, link: Link, ending: Ending) -> int:
    """One worker."""
    service = Microservice(settings, crew=crew)
    signalled = loop.stop_signal()
    asyncio.get_running_loop().add_reader(link.fileno(), signalled.set)  # the supervisor is gone
    stop = asyncio.ensure_future(signalled.wait())
    loading = asyncio.ensure_future(service.load())
    await asyncio.wait({stop, loading}, return_when=asyncio.FIRST_COMPLETED)
    if not loading.done():
        return 0
    try:
        loading.result()
        await service.start("")
    except StartError as error:
        link.failed(str(error))
        return 1
    except OSError as error:
        link.failed(f"The ports cannot be listened on: {error.strerror or error}.")
        return 1
    link.ready()
    await stop
    _LOG.info("stopping")
    if crew.replaced:
        await service.stop()
    else:
        await ending(service, signalled)
    return 0
