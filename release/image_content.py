"""What an image holds: its configuration, packages of Python, Debian and Go, and files that should not be there."""

from __future__ import annotations

import email.parser
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from devtools.shell import CommandFailedError, output, run

from .stage import StageBrokenError

_METADATA = re.compile(r"\.(?:dist-info/METADATA|egg-info/PKG-INFO)$")
_GO_MARK = b"\xff Go buildinf:"
_SECRET_NAME = re.compile(
    r"(?:^|/)(?:id_rsa|id_ed25519|\.netrc|\.pypirc|\.npmrc|\.env|\.git/config|\.aws/credentials|\.docker/config\.json)$"
)
_SECRET_TEXT = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")
_SMALL = 64 * 1024
_OURS = "seldon_core/__init__.py"
_SET_ID = 0o6000


@dataclass(frozen=True)
class Package:
    """A package in an image. `ecosystem` is pypi, deb or golang, as in a package URL; `licence` may be empty."""

    ecosystem: str
    name: str
    version: str
    licence: str = ""
    source: str = ""
    """Debian's name of the source package, by which vulnerabilities are known."""
    source_version: str = ""


@dataclass
class Content:
    """What was found in an image's files. `product` is the version of this project's code in it."""

    packages: list[Package] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    set_id: list[str] = field(default_factory=list)
    product: str = ""
    release: str = ""
    """`ID-VERSION_ID` of its Linux distribution, such as debian-12."""


def config(name: str) -> dict[str, Any]:
    """Return what `docker image inspect` says. Raises StageBrokenError where there is no such image."""
    try:
        found: dict[str, Any] = json.loads(output(["docker", "image", "inspect", name]))[0]
    except CommandFailedError as missing:
        raise StageBrokenError(
            f"{name} is not in the Docker daemon, so nothing can be said of it: {' '.join(missing.output.split())}"
        ) from missing
    return found


def read(name: str) -> Content:
    """Read every file of an image once, as a container of it would see them."""
    content = Content()
    with _files(name) as opened:
        for entry in opened:
            if entry.isfile():
                _look(entry, opened, content)
    return content


@contextmanager
def _files(name: str) -> Iterator[tarfile.TarFile]:
    container = output(["docker", "create", name, "none"])
    try:
        with (
            subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as exported,
            tarfile.open(fileobj=exported.stdout, mode="r|") as opened,
        ):
            yield opened
    finally:
        run(["docker", "rm", "--force", container], check=False)


def _look(entry: tarfile.TarInfo, opened: tarfile.TarFile, content: Content) -> None:
    if entry.mode & _SET_ID:
        content.set_id.append(f"/{entry.name}")
    if _SECRET_NAME.search(entry.name):
        content.suspicious.append(f"/{entry.name}")
    file = opened.extractfile(entry)
    if file is None:
        return
    if entry.size > _SMALL and not entry.name.endswith("lib/dpkg/status"):
        if entry.mode & 0o111:
            content.packages += _go(entry.name, file)
        return
    _read(entry.name, file.read(), content)


def _read(name: str, data: bytes, content: Content) -> None:
    """Look into a small file."""
    if name.endswith("lib/dpkg/status") or "/dpkg/status.d/" in name:
        content.packages += _debian(data.decode(errors="replace"))
    elif _METADATA.search(name):
        content.packages += _python(data.decode(errors="replace"))
    elif name.endswith(_OURS):
        found = re.search(rb'__version__ = "([^"]+)"', data)
        content.product = found[1].decode() if found else ""
    elif name in {"etc/os-release", "usr/lib/os-release"}:
        content.release = _release(data.decode(errors="replace"))
    elif _SECRET_TEXT.search(data) and not name.endswith((".py", ".pyc")):  # code may hold the words
        content.suspicious.append(f"/{name}")


def _release(text: str) -> str:
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return "-".join(fields[key].strip('"') for key in ("ID", "VERSION_ID") if key in fields)


def _python(text: str) -> Iterator[Package]:
    headers = email.parser.HeaderParser().parsestr(text)
    if headers["Name"] and headers["Version"]:
        licence = str(headers["License-Expression"] or headers["License"] or "").splitlines()
        yield Package("pypi", headers["Name"], headers["Version"], licence[0][:80] if licence else "")


def _debian(text: str) -> Iterator[Package]:
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(" "))
        if not fields.get("Status", "installed").endswith("installed") or "Package" not in fields:
            continue
        source, _, version = fields.get("Source", fields["Package"]).partition(" ")
        version = version.strip("()") or fields["Version"]
        yield Package("deb", fields["Package"], fields["Version"], "", source, version)


def _go(name: str, file: IO[bytes]) -> Iterator[Package]:
    """Give the modules that a Go program says it is made of. Raises StageBrokenError where there is no Go to ask."""
    if file.read(4) != b"\x7fELF":
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "program"
        copy.write_bytes(b"\x7fELF" + file.read())
        if _GO_MARK not in copy.read_bytes():
            return
        try:
            said = output(["go", "version", "-m", copy])
        except CommandFailedError as wrong:
            raise StageBrokenError(
                f"/{name} is a Go program, and `go version -m` is needed to read it: {wrong}"
            ) from wrong
    for line in said.splitlines():
        words = line.split("\t")
        if not line.startswith("\t"):
            yield Package("golang", "stdlib", line.rsplit(": go", 1)[-1].split()[0])
        elif len(words) >= 4 and words[1] in {"mod", "dep", "=>"} and words[3] != "(devel)":
            yield Package("golang", words[2], words[3])
