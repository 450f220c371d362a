"""The options of v1.17.1 that say how many processes and threads serve. Source: specification 4.

v1.17.1 has processes for REST (`workers`) and others for gRPC (`grpc-workers`). Here each process serves both, and
there are as many as the larger of the two says. The same holds for threads.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import msgspec

NEVER = "never"
"""The value of SELDON_PRELOAD that no option overrules."""
_INTEGERS = (
    ("--workers", "GUNICORN_WORKERS", "1", "processes that serve REST and gRPC"),
    ("--grpc-workers", "GRPC_WORKERS", "1", "as --workers; the larger one counts"),
    ("--threads", "GUNICORN_THREADS", "1", "threads of each process for the class's methods"),
    ("--grpc-threads", "GRPC_THREADS", "1", "as --threads; the larger one counts"),
    ("--max-requests", "GUNICORN_MAX_REQUESTS", "0", "requests after which a process is replaced; 0: never"),
    ("--max-requests-jitter", "GUNICORN_MAX_REQUESTS_JITTER", "0", "at most so many more, so that not all are at once"),
    ("--keepalive", "GUNICORN_KEEPALIVE", "75", "seconds for which a connection may be idle"),
)


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a microservice divides its work."""

    processes: int = 1
    max_requests: int = 0
    max_requests_jitter: int = 0
    keep_alive_seconds: float = 75.0
    preload: bool | None = None
    """Whether to read the model once, before the processes divide, so that they share its memory. None: the class's
    attribute `preload` decides."""
    pid_file: Path | None = None

    @property
    def supervised(self) -> bool:
        """Whether there is more to do than to serve."""
        return self.processes > 1 or self.max_requests > 0


def add_options(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """The options, with the variables that stand for them."""
    for name, variable, default, text in _INTEGERS:
        parser.add_argument(name, type=int, default=environment.get(variable, default), help=f"{text} (env {variable})")
    parser.add_argument(
        "--single-threaded",
        nargs="?",
        type=int,
        const=1,
        default=environment.get("FLASK_SINGLE_THREADED", "0"),
        help="1: one thread, whatever else is said (env FLASK_SINGLE_THREADED)",
    )
    parser.add_argument(
        "--preload",
        nargs="?",
        const="true",
        default=environment.get("SELDON_PRELOAD", ""),
        help="read the model once, before the processes divide (env SELDON_PRELOAD)",
    )
    parser.add_argument("--pidfile", help="where to write this process's number")


def threads(flags: argparse.Namespace) -> int:
    """Threads of each process that run the user's code: one, unless its author says that more are safe."""
    return 1 if flags.single_threaded else max(flags.threads, flags.grpc_threads, 1)


def of(flags: argparse.Namespace, *, preload: bool | None) -> WorkerSettings:
    """What the options say."""
    return WorkerSettings(
        processes=max(flags.workers, flags.grpc_workers, 1),
        max_requests=max(flags.max_requests, 0),
        max_requests_jitter=max(flags.max_requests_jitter, 0),
        keep_alive_seconds=float(max(flags.keepalive, 1)),
        preload=preload,
        pid_file=Path(flags.pidfile) if flags.pidfile else None,
    )
