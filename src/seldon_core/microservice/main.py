"""The microservice's program: `seldon-core-microservice MODULE[.CLASS]`.

A component that cannot be loaded ends the process with status 1 and one sentence, on stderr and in the pod's
termination message, from where the controller takes it into the SeldonDeployment's status.

SIGTERM: serve on while clients are connected, within a limit, then finish what is in flight, exit status 0. An executor
in the same pod ends before (its pre-stop sleep and shutdown delay are shorter than this container's sleep of 10 s), and
may still have a graph's next step to ask for. The limits leave some of the pod's 20 s to the requests in flight.
"""

import asyncio
import logging
import os
import sys
from pathlib import Path

from seldon_core import __version__
from seldon_core.transport import logs, loop

from . import workers
from .app import Microservice
from .errors import StartError
from .settings import Settings, parse

_LOG = logging.getLogger(__name__)
_LEAVE_SECONDS = 5.0  # for an executor in the pod to finish: it closes its connections when it ends
_MOVE_SECONDS = 2.0  # for other clients to be asked, with an answer, to come back by a new connection


def main() -> int:
    """Run until a signal, or until the component turns out not to load."""
    settings = parse(sys.argv[1:], os.environ)
    logs.configure(settings.log_level)
    _LOG.info("starting", extra={"version": __version__, "component": settings.component})
    try:
        _write_number(settings.workers.pid_file)
        status = workers.run(settings, _end) if settings.workers.supervised else loop.run(_serve(settings))
    except StartError as error:
        _report(str(error), settings.termination_log)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # A user's code may still run in a thread (a load that was interrupted, a model that hangs): it must not keep the
    # pod alive.
    os._exit(status)


def _write_number(pid_file: Path | None) -> None:
    if pid_file is None:
        return
    try:
        pid_file.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except OSError as error:
        raise StartError(f"--pidfile: {pid_file} cannot be written: {error.strerror or error}.") from error


async def _serve(settings: Settings) -> int:
    service = Microservice(settings)
    signalled = loop.stop_signal()
    stop = asyncio.ensure_future(signalled.wait())
    try:
        await service.start("")
    except OSError as error:
        ports = f"{settings.http_port}, {settings.grpc_port} and {settings.metrics_port}"
        raise StartError(f"The ports {ports} cannot be listened on: {error.strerror or error}.") from error
    loading = asyncio.ensure_future(service.load())
    await asyncio.wait({stop, loading}, return_when=asyncio.FIRST_COMPLETED)
    if loading.done():
        loading.result()
        await stop
    _LOG.info("stopping")
    if loading.done():
        await _end(service, signalled)
    else:  # there is nothing to serve on yet
        await service.stop()
    return 0


async def _end(service: Microservice, signalled: asyncio.Event) -> None:
    """The orderly end of a process that serves."""
    signalled.clear()
    leaving = asyncio.ensure_future(service.let_leave(_LEAVE_SECONDS, _MOVE_SECONDS))
    again = asyncio.ensure_future(signalled.wait())  # a second signal ends the wait
    await asyncio.wait({leaving, again}, return_when=asyncio.FIRST_COMPLETED)
    await service.stop()


def _report(sentence: str, termination_log: Path) -> None:
    print(f"seldon-core-microservice: {sentence}", file=sys.stderr)
    try:
        if termination_log.is_file():
            termination_log.write_text(sentence, encoding="utf-8")
    except OSError as error:
        _LOG.warning("termination message not written", extra={"path": str(termination_log), "error": str(error)})


if __name__ == "__main__":
    sys.exit(main())
