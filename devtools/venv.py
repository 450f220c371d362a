"""Virtual environments in the cache folder, each under a key of its locked requirements."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from .cache import artefact, key_of
from .docker import install_packages
from .paths import ROOT, cache_dir
from .progress import step
from .shell import CommandFailedError, run

REQUIREMENTS = ROOT / "requirements"
IMAGE_PYTHON = "3.11"
"""The Python of Debian bookworm, which the images run."""


def environment(name: str) -> Path:
    """Return a virtual environment's `bin` folder with exactly what requirements/NAME.txt locks."""
    locked = REQUIREMENTS / f"{name}.txt"
    place = cache_dir() / "venvs" / f"{name}-{key_of(locked, sys.version, sys.base_prefix)}"
    finished = place / ".complete"
    if not finished.exists():
        shutil.rmtree(place, ignore_errors=True)
        with step(f"installing requirements/{name}.txt"):
            _create(place)
            if name == "tools":
                run(
                    [
                        place / "bin" / "python",
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--require-hashes",
                        "--requirement",
                        locked,
                    ]
                )
            else:
                run(
                    [
                        uv(),
                        "pip",
                        "install",
                        "--quiet",
                        "--python",
                        place / "bin" / "python",
                        "--require-hashes",
                        "--requirements",
                        locked,
                    ]
                )
        finished.touch()
    return place / "bin"


def _python() -> Path:
    """Return the interpreter below any virtual environment that this runs in, so that all runs share environments."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _create(place: Path) -> None:
    try:
        run([_python(), "-m", "venv", place])
    except CommandFailedError as failed:
        if "ensurepip" not in failed.output:
            raise
        # Debian ships Python without the part that makes environments.
        install_packages(["python3-venv"])
        shutil.rmtree(place, ignore_errors=True)
        run([_python(), "-m", "venv", place])


def uv() -> Path:
    """Return the pinned uv."""
    return environment("tools") / "uv"


def site_packages(name: str, locked: Path, *, glibc: str = "2_28") -> Path:
    """Return a folder with the locked packages installed for the images' Python on Linux, whatever Python runs here.

    `glibc` is the newest C library that the packages may ask for, as in a wheel's platform tag.
    """
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine(), platform.machine())
    target = f"{machine}-manylinux_{glibc}"

    def install(out: Path) -> None:
        words: list[str | Path] = [
            "--python-version",
            IMAGE_PYTHON,
            "--python-platform",
            target,
            "--require-hashes",
            "--no-deps",  # the lock is complete; a package must not add to it
            "--requirements",
            locked,
        ]
        run([uv(), "pip", "install", "--quiet", "--target", out, *words], timeout=900)
        for leftover in (out / "bin", out / ".lock"):
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)

    return artefact(f"site-{name}", [locked, target, IMAGE_PYTHON], install)
