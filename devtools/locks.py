"""Hash-locked requirements, compiled from pyproject.toml: `python3 -m devtools lock` writes them anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .paths import ROOT
from .progress import step
from .shell import run
from .venv import IMAGE_PYTHON, REQUIREMENTS, uv


@dataclass(frozen=True)
class Lock:
    """One locked file: which extras (they bring the core along) and dependency groups of pyproject.toml it holds."""

    out: Path
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


IMAGES = ROOT / "images"
LOCKS = (
    Lock(REQUIREMENTS / "tools.txt", groups=("tools",)),
    Lock(REQUIREMENTS / "iris.txt", groups=("iris",)),
    Lock(REQUIREMENTS / "lint.txt", extras=("operator", "sklearnserver", "tracing"), groups=("lint",)),
    Lock(REQUIREMENTS / "unit.txt", extras=("operator", "sklearnserver", "tracing"), groups=("unit",)),
    Lock(REQUIREMENTS / "chart.txt", extras=("operator",), groups=("chart",)),
    Lock(REQUIREMENTS / "integration.txt", extras=("operator",), groups=("integration",)),
    Lock(REQUIREMENTS / "e2e.txt", extras=("cli",), groups=("e2e",)),
    Lock(REQUIREMENTS / "notebooks.txt", extras=("cli",), groups=("notebooks",)),
    Lock(REQUIREMENTS / "release.txt", extras=("cli",), groups=("release",)),
    Lock(REQUIREMENTS / "checkov.txt", groups=("checkov",)),
    Lock(REQUIREMENTS / "pip-audit.txt", groups=("pip-audit",)),
    Lock(REQUIREMENTS / "bench.txt", extras=("operator", "sklearnserver"), groups=("bench",)),
    Lock(REQUIREMENTS / "bench-mlserver.txt", groups=("bench-mlserver",)),
    Lock(REQUIREMENTS / "bench-seldon.txt", groups=("bench-seldon",)),
    Lock(REQUIREMENTS / "bench-kserve.txt", groups=("bench-kserve",)),
    Lock(REQUIREMENTS / "bench-aws.txt", groups=("bench-aws",)),
    Lock(IMAGES / "operator" / "requirements.txt", extras=("operator",)),
    Lock(IMAGES / "executor" / "requirements.txt", extras=("executor", "tracing")),
    Lock(IMAGES / "sklearnserver" / "requirements.txt", extras=("sklearnserver", "tracing")),
    Lock(IMAGES / "gateway" / "requirements.txt", groups=("gateway",)),
)


def lock_all() -> None:
    """Compile every lock. Needs the package registry; versions that are pinned in pyproject.toml stay as they are."""
    for lock in LOCKS:
        with step(f"locking {lock.out.relative_to(ROOT)}"):
            run(
                [uv(), "pip", "compile", "--quiet", *_inputs(lock), *_options(lock), "--output-file", lock.out],
                cwd=ROOT,
            )


def _inputs(lock: Lock) -> list[str]:
    words = ["pyproject.toml"] if lock.extras else []
    words += [word for extra in lock.extras for word in ("--extra", extra)]
    return words + [word for group in lock.groups for word in ("--group", f"pyproject.toml:{group}")]


def _options(lock: Lock) -> list[str]:
    words = ["--generate-hashes", "--no-header", "--no-annotate", "--python-version", IMAGE_PYTHON]
    if lock.out.is_relative_to(REQUIREMENTS):
        words.append("--universal")
    return words
