"""Requests as a user sends them: the real curl, a process and a connection for each."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from typing import Any

# curl writes this after the body: a line of its own that cannot be mixed up with the body's end.
_TRAILER = r"\n%{http_code}\t%{content_type}"


class CurlError(AssertionError):
    """curl got no HTTP answer; the message holds the command and curl's own words."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer and the command that asked for it, ready to be typed again."""

    command: str
    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        """The body parsed. Raises AssertionError, showing the body, where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AssertionError(f"the body is no JSON ({error}): {self}") from error

    def __str__(self) -> str:
        return f"{self.command}\n{self.status} {self.content_type}\n{self.body.decode('utf-8', 'replace')}"


def post(url: str, body: str, *, seconds: float) -> Answer:
    """POST `body`, as it is, with the content type of JSON."""
    return _run(("-X", "POST", "-H", "Content-Type: application/json", "-d", body, url), seconds)


def get(url: str, *, seconds: float) -> Answer:
    """GET a URL."""
    return _run((url,), seconds)


def parse(command: str, output: bytes) -> Answer:
    """Take curl's output apart: the body, then status and content type in the line after it.

    Raises CurlError where that line is not there.
    """
    body, separator, trailer = output.rpartition(b"\n")
    status, tab, content_type = trailer.partition(b"\t")
    if not (separator and tab and status.isdigit()):
        raise CurlError(f"curl did not tell the status: `{command}` wrote {output!r}.")
    return Answer(command=command, status=int(status), content_type=content_type.decode("latin-1"), body=body)


def _run(arguments: tuple[str, ...], seconds: float) -> Answer:
    shown = shlex.join(("curl", "-s", *arguments))
    # A proxy of the environment must not stand between the test and localhost.
    options = ("--show-error", "--noproxy", "*", "--max-time", f"{seconds:g}", "--write-out", _TRAILER)
    ended = subprocess.run(("curl", "-s", *options, *arguments), capture_output=True, check=False)
    if ended.returncode != 0:
        raise CurlError(f"`{shown}` ended with exit status {ended.returncode}: {ended.stderr.decode().strip()}")
    return parse(shown, ended.stdout)
