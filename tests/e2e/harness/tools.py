"""Running kubectl and helm: which binaries, on which cluster, with a deadline and an error that shows their words."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class CommandError(AssertionError):
    """A command ended with another exit status than 0; the message holds the command and what it said."""


@dataclass(frozen=True)
class Completed:
    """How a command ended."""

    command: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def checked(self) -> Completed:
        """Itself where the exit status is 0; raises CommandError otherwise."""
        if self.returncode != 0:
            said = (self.stderr or self.stdout).strip()
            raise CommandError(f"`{' '.join(self.command)}` ended with exit status {self.returncode}: {said}")
        return self


@dataclass(frozen=True)
class Tool:
    """A program that takes `--kubeconfig`, bound to one cluster."""

    program: str
    kubeconfig: Path

    def command(self, *arguments: str) -> tuple[str, ...]:
        """The whole command line, for a process that the caller starts itself."""
        return (self.program, "--kubeconfig", str(self.kubeconfig), *arguments)

    def run(self, arguments: Sequence[str], *, seconds: float, text: str | None = None) -> Completed:
        """Run it with `text` on its standard input.

        The input is never part of a message: it may hold secrets. Raises CommandError past the deadline.
        """
        command = self.command(*arguments)
        try:
            ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"`{' '.join(command)}` did not end within {seconds:g} s.") from error
        return Completed(command=command, returncode=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)


def find(name: str, environment: Mapping[str, str]) -> str:
    """The program's path: the variable of its name in capitals (`KUBECTL`, `HELM`), else what PATH finds.

    Raises FileNotFoundError, saying what to set, where neither leads to a program.
    """
    variable = name.upper()
    wanted = environment.get(variable) or name
    found = shutil.which(wanted, path=environment.get("PATH"))
    if found is None:
        raise FileNotFoundError(f"{wanted} is no program on this machine: set {variable} to the path of {name}.")
    return found
