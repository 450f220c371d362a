"""Run rclone: the one place where another program is started.

rclone gets no environment of ours but what is listed here, because its variables can run programs
(RCLONE_PASSWORD_COMMAND) or print secrets. Its remote is always called "model" and comes by RCLONE_CONFIG_MODEL_*; no
configuration file is read.
"""

import collections
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from . import trust
from .errors import ExitCode, StorageError
from .remote import Remote
from .uri import ModelUri

_REMOTE = "model"
# Settings that a secret or an image may tune: speed, proxies and trust, nothing that runs or writes.
_PASSED = frozenset(
    {
        "RCLONE_TRANSFERS",
        "RCLONE_CHECKERS",
        "RCLONE_BUFFER_SIZE",
        "RCLONE_BWLIMIT",
        "RCLONE_TPSLIMIT",
        "RCLONE_MULTI_THREAD_STREAMS",
        "RCLONE_MULTI_THREAD_CUTOFF",
        "RCLONE_MULTI_THREAD_CHUNK_SIZE",
        "RCLONE_CA_CERT",
        "RCLONE_NO_CHECK_CERTIFICATE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "TZ",
    }
)
# What the clouds' SDKs read for a pod's own identity; passed only to a remote that asks for it. Left out on purpose:
# profiles and configuration files, which can name programs.
_IDENTITY = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_ENDPOINT_URL_STS",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_DISABLED",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GCE_METADATA_HOST",
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    }
)
# Messages kept for the explanation of a failure: the last ones say it.
_KEPT = 20


@dataclasses.dataclass(frozen=True)
class Stats:
    """How far a copy is: bytes and files done and to do, bytes a second."""

    bytes: int
    total_bytes: int
    files: int
    total_files: int
    speed: float


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run of rclone ended.

    `messages` are its errors, oldest first. `expired` tells that the deadline ended it, `silent` that it was ended
    because the store had said nothing for too long.
    """

    status: int
    messages: tuple[str, ...] = ()
    expired: bool = False
    silent: bool = False


def address(uri: ModelUri, path: str) -> str:
    """Return rclone's form of a path of the URI's store."""
    return f"{_REMOTE}:{path}" if uri.remote else path


def environment(remote: Remote | None, env: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of rclone for this remote (None for files on a claim)."""
    # rclone keeps no more than needed of a large file in memory; Go's collector is told where to stop growing.
    clean = {"RCLONE_CONFIG": "", "HOME": "/nonexistent", "GOMEMLIMIT": "64MiB"}
    clean |= {key: value for key, value in env.items() if key in _PASSED}
    if remote is None:
        return clean
    if remote.ambient:
        clean |= {key: value for key, value in env.items() if key in _IDENTITY}
    clean |= remote.flags
    if not clean.get("RCLONE_CA_CERT") and (authorities := trust.of_installation(env)):
        clean["RCLONE_CA_CERT"] = authorities
    prefix = f"RCLONE_CONFIG_{_REMOTE.upper()}_"
    return clean | {f"{prefix}{key.upper()}": value for key, value in remote.options.items()}


def ignored(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of RCLONE_* variables that are set and not passed on."""
    return tuple(
        sorted(k for k in env if k.startswith("RCLONE_") and not k.startswith("RCLONE_CONFIG") and k not in _PASSED)
    )


class Rclone:
    """rclone with one environment, under one deadline (a time of `time.monotonic`)."""

    def __init__(self, env: Mapping[str, str], deadline: float) -> None:
        self._env = dict(env)
        self._deadline = deadline
        program = shutil.which("rclone")
        if program is None:
            raise StorageError(
                ExitCode.CONFIG, "there is no rclone in this image", "use the rclone-storage-initializer image"
            )
        self._program = program

    def run(
        self,
        flags: Sequence[str],
        paths: Sequence[str],
        *,
        on_line: Callable[[str], None] = lambda _: None,
        on_stats: Callable[[Stats], None] = lambda _: None,
        on_debug: Callable[[str, str], None] | None = None,
        patience: float | None = None,
        inherit: Sequence[int] = (),
    ) -> Result:
        """Run rclone to its end. `on_line` gets each line of its output, `on_stats` its progress.

        `on_debug` gets what its log says of details: the object's name and the message. It may hold secrets.

        Paths come after "--", so that none can be a flag. Where `patience` is given, rclone is ended when it has
        neither ended nor put out a line of content within so many seconds: its own timeouts add up over retries that no
        flag turns off. `inherit` are descriptors that it can read (as /proc/self/fd/N).
        """
        level = "DEBUG" if on_debug else "NOTICE"
        command = [self._program, *flags, "--use-json-log", f"--log-level={level}", "--", *paths]
        with trust.as_files(self._env) as (env, descriptors):
            process = subprocess.Popen(
                command,
                env=env,
                pass_fds=(*descriptors, *inherit),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        messages: collections.deque[str] = collections.deque(maxlen=_KEPT)
        expired = _Alarm(process, self._deadline - time.monotonic())
        silent = _Alarm(process, patience)
        log = threading.Thread(target=_read_log, args=(process, messages, on_stats, on_debug), daemon=True)
        try:
            log.start()
            if process.stdout:
                for line in process.stdout:
                    # lsjson opens its bracket before it has asked the store.
                    if line.strip() != "[":
                        silent.cancel()
                    on_line(line)
            status = process.wait()
            log.join()
        finally:
            # Also reached by an exception, such as the one that SIGTERM raises: no rclone outlives us.
            expired.cancel()
            silent.cancel()
            _kill(process)
            process.wait()
        return Result(status, tuple(messages), expired.rang, silent.rang)


class _Alarm:
    """Ends a process after some seconds, unless cancelled before; None never rings."""

    def __init__(self, process: "subprocess.Popen[str]", seconds: float | None) -> None:
        self.rang = False
        self._process = process
        self._timer = threading.Timer(max(0.0, seconds or 0.0), self._ring)
        self._timer.daemon = True
        if seconds is not None:
            self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        self.rang = True
        _kill(self._process)


def _kill(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _read_log(
    process: "subprocess.Popen[str]",
    messages: collections.deque[str],
    on_stats: Callable[[Stats], None],
    on_debug: Callable[[str, str], None] | None,
) -> None:
    if not process.stderr:
        return
    for line in process.stderr:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):  # a Go program that crashes writes plain text
            messages.append(line.strip())
        elif stats := entry.get("stats"):
            on_stats(
                Stats(
                    bytes=stats.get("bytes", 0),
                    total_bytes=stats.get("totalBytes", 0),
                    files=stats.get("transfers", 0),
                    total_files=stats.get("totalTransfers", 0),
                    speed=stats.get("speed", 0.0),
                )
            )
        elif entry.get("level") in {"debug", "info"}:
            if on_debug:
                on_debug(entry.get("object", ""), entry.get("msg", ""))
        elif message := entry.get("msg"):
            name = entry.get("object")
            messages.append(f"{name}: {message}" if name else message)
