"""A chart's package that is the same bytes whoever makes it, and its provenance as `helm verify` reads it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools.shell import CommandFailedError, run

from .helm import HELM, helm
from .repository import head_seconds
from .stage import StageBrokenError

THROW_AWAY = "release-validate, a key for this run alone <release-validate@localhost>"


def package(chart: Path, into: Path) -> Path:
    """Have Helm package a chart, then write its entries in order, with one time and owner. Raises HelmRefusedError."""
    with tempfile.TemporaryDirectory() as scratch:
        helm(["package", chart, "--destination", scratch], program=HELM)
        (made,) = Path(scratch).glob("*.tgz")
        result = into / made.name
        result.write_bytes(_normal(made))
    return result


def _normal(archive: Path) -> bytes:
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or head_seconds())
    packed = io.BytesIO()
    with (
        tarfile.open(archive) as given,
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=moment) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as out,
    ):
        # Chart.yaml comes first, as Helm puts it: readers look for it there.
        for entry in sorted(given.getmembers(), key=lambda each: (not each.name.endswith("/Chart.yaml"), each.name)):
            plain = tarfile.TarInfo(entry.name)
            plain.size, plain.mtime, plain.mode = entry.size, moment, 0o644
            out.addfile(plain, given.extractfile(entry))
    return packed.getvalue()


@dataclass(frozen=True)
class Signer:
    """A key of GnuPG: its home (empty: the user's own) and its name."""

    home: str
    key: str

    def provenance(self, archive: Path) -> Path:
        """Write `PACKAGE.prov` beside a package: its Chart.yaml and its digest, signed. Raises CommandFailedError."""
        with tarfile.open(archive) as opened:
            name = next(each for each in opened.getnames() if each.count("/") == 1 and each.endswith("/Chart.yaml"))
            chart = opened.extractfile(name)
            fields = chart.read().decode() if chart else ""
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        text = f"{fields.rstrip()}\n\n...\nfiles:\n  {archive.name}: sha256:{digest}\n"
        signed = self._gpg("--digest-algo", "SHA512", "--local-user", self.key, "--clearsign", stdin=text)
        out = archive.with_name(f"{archive.name}.prov")
        out.write_text(signed, encoding="utf-8")
        return out

    def keyring(self, into: Path) -> Path:
        """Write the public key as `helm verify --keyring` wants it."""
        run(["gpg", *self._where(), "--batch", "--yes", "--output", into, "--export", self.key])
        return into

    def _gpg(self, *words: str, stdin: str) -> str:
        return run(["gpg", *self._where(), "--batch", *words], stdin=stdin, timeout=120).stdout

    def _where(self) -> list[str]:
        return ["--homedir", self.home] if self.home else []


@contextmanager
def signer(key: str) -> Iterator[Signer]:
    """Have the user's key, or one that ends with this block. Raises StageBrokenError."""
    if shutil.which("gpg") is None:
        raise StageBrokenError("gpg is not installed, so nothing can be signed: install GnuPG.")
    if key:
        try:
            run(["gpg", "--batch", "--list-secret-keys", key])
        except CommandFailedError:
            raise StageBrokenError(f"--sign-key {key}: GnuPG has no secret key of this name here.") from None
        yield Signer("", key)
        return
    # GnuPG's agent listens below its home, and the path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="rv-") as home:
        words = ["--batch", "--passphrase", "", "--quick-gen-key", THROW_AWAY, "rsa3072", "sign", "1d"]
        run(["gpg", "--homedir", home, *words], timeout=300)
        try:
            yield Signer(home, THROW_AWAY)
        finally:
            run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
