"""Running other programs: every call has a time limit, and a failure shows what the program said."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

Command = Sequence[str] | Sequence[str | Path]
"""A program and its arguments."""

TAIL_LINES = 25
"""How much of a failed program's output its error shows."""


class CommandFailedError(Exception):
    """A program ended with a status other than 0, or not in time. The text says which, and what it printed last."""

    def __init__(self, command: Sequence[str], reason: str, output: str) -> None:
        tail = "\n".join(output.strip().splitlines()[-TAIL_LINES:])
        super().__init__(f"`{' '.join(command)}` {reason}" + (f":\n{tail}" if tail else "."))
        self.output = output


def run(
    command: Command,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 900,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its captured output (stdout and stderr apart, as text).

    `env` is added to this process's environment; `timeout` is in seconds.

    Raises CommandFailedError where `check` and the status is not 0, where it takes longer than `timeout`, or where
    there is no such program.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(  # noqa: PLW1510  # the status is looked at below, with a better message
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            errors="replace",
        )
    except subprocess.TimeoutExpired as late:
        seen = late.stdout if isinstance(late.stdout, str) else (late.stdout or b"").decode(errors="replace")
        raise CommandFailedError(words, f"did not end within {timeout:.0f} s", seen) from late
    except FileNotFoundError as missing:
        raise CommandFailedError(words, f"cannot be started: {missing}", "") from missing
    if check and done.returncode:
        raise CommandFailedError(words, f"ended with status {done.returncode}", done.stdout + done.stderr)
    return done


def attached(command: Command, env: Mapping[str, str]) -> int:
    """Run a program on this terminal and return its exit status; it is left the time that it takes to end.

    Ctrl-C reaches it from the terminal; a request to end that this process gets is passed on. It may tidy up.
    """
    asked: list[int] = []
    program: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if program is not None:
            program.send_signal(number)

    # Before it is started: none of its moments may be without.
    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        program = subprocess.Popen([str(word) for word in command], env=env)
        for number in tuple(asked):
            program.send_signal(number)
        while True:
            try:
                return program.wait()
            except KeyboardInterrupt:
                continue
    finally:
        signal.signal(signal.SIGTERM, before)


def output(command: Command, *, timeout: float = 60, env: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed on stdout, stripped. Raises CommandFailedError."""
    return run(command, timeout=timeout, env=env).stdout.strip()


def succeeds(command: Command, *, timeout: float = 60) -> bool:
    """Tell whether a program ends with status 0."""
    try:
        return run(command, timeout=timeout, check=False).returncode == 0
    except CommandFailedError:
        return False
