"""The programs that the storage initializer's tests run as processes: those of its image, and Azurite.

The emulator of Google Cloud Storage is a Python package of the tests' environment; MinIO is an image.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from . import gobuild
from .cache import artefact
from .paths import ROOT
from .shell import run

AZURITE = ROOT / "devtools" / "recipes" / "azurite"
_MAIN = Path("node_modules") / "azurite" / "dist" / "src" / "blob" / "main.js"
_INSTALL_SECONDS = 600


class NodeMissingError(Exception):
    """No usable Node.js is on PATH."""


def programs() -> dict[str, str]:
    """Have the programs; return the environment variables that name them.

    Raises NodeMissingError without Node.js, CommandFailedError where an installation fails.
    """
    return {
        "RCLONE": str(gobuild.build(gobuild.RCLONE) / "rclone"),
        "PARTSUMS": str(gobuild.build(gobuild.PARTSUMS) / "partsums"),
        "AZURITE": str(azurite()),
    }


def azurite() -> Path:
    """Return Azurite's program for Node.js, installed where it is not cached. No package's own scripts are run."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NodeMissingError("Azurite runs on Node.js: install Node.js 18 or later and put `node` and `npm` on PATH.")

    def make(out: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(AZURITE / name, out / name)
        words = ["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run([npm, *words], cwd=out, timeout=_INSTALL_SECONDS)

    return artefact("azurite", [AZURITE, str(_MAIN)], make) / _MAIN
