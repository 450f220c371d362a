"""The storage initializer's command: `python3 -m seldon_core.storage.main SRC DST`.

SRC is a model URI, DST the folder that the model server reads. The exit status is one of `errors.ExitCode`, and the
reason is one line on stderr and in the container's termination message, which the controller shows in the
SeldonDeployment's status.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from .errors import ExitCode, StorageError
from .fetch import fetch
from .rclone import ignored
from .redact import one_line, redact

DEADLINE = "SELDON_STORAGE_DEADLINE"
_DEFAULT_DEADLINE = 3600.0
# The kubelet cuts the message at 4096 bytes.
_LONGEST_MESSAGE = 2000


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that no handler on the way takes it for a failed download."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the initializer; returns its exit status."""
    env = dict(os.environ)
    # As process 1 of a container there is no default handling of SIGTERM: without this, a deleted pod waits for
    # SIGKILL.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments), env)
    except StorageError as error:
        return _fail(error.code, str(error), env)
    except Terminated:
        return _fail(
            ExitCode.TERMINATED,
            "stopped before the model was complete: the pod was deleted or its deadline passed",
            env,
        )
    except OSError as error:
        return _fail(
            ExitCode.FAILED, f"{error.strerror or type(error).__name__} at {error.filename}: check the volume", env
        )
    return ExitCode.OK


def _run(arguments: list[str], env: Mapping[str, str]) -> None:
    if len(arguments) != 2:
        raise StorageError(
            ExitCode.USAGE,
            f"expected 2 arguments, got {len(arguments)}",
            "pass the model's URI and the destination folder",
        )
    source, destination = arguments
    for name in ignored(env):
        _say(f"{name} is not passed on to rclone")
    fetch(source, Path(destination), env, seconds=_deadline(env), report=_say)


def _deadline(env: Mapping[str, str]) -> float:
    text = env.get(DEADLINE, "").strip()
    try:
        seconds = float(text or _DEFAULT_DEADLINE)
    except ValueError:
        seconds = 0.0
    # Also refuses "nan" and infinity, which a timer cannot wait for.
    if not 0 < seconds <= 7 * 24 * 3600:
        raise StorageError(
            ExitCode.CONFIG, f'{DEADLINE}="{one_line(text, 40)}" is no number of seconds up to a week', "correct it"
        )
    return seconds


def _say(text: str) -> None:
    print(f"storage: {one_line(redact(text), _LONGEST_MESSAGE)}", flush=True)


def _fail(code: ExitCode, text: str, env: Mapping[str, str]) -> int:
    line = f"storage: {one_line(redact(text), _LONGEST_MESSAGE)}"
    print(line, file=sys.stderr, flush=True)
    # Outside of a container there is no such file, and the line is on stderr already.
    log = Path(env.get("SELDON_TERMINATION_LOG", "/dev/termination-log"))
    with contextlib.suppress(OSError):
        if log.is_file():
            log.write_text(line, encoding="utf-8")
    return code


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


if __name__ == "__main__":
    sys.exit(main())
