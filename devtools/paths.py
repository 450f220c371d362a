"""Where things lie: the checkout, the cache of built artefacts, the state of what runs now."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


def cache_dir() -> Path:
    """Return the folder of built artefacts, keyed by recipe content: `SELDON_CACHE` or the user's cache folder."""
    configured = os.environ.get("SELDON_CACHE")
    if configured:
        return Path(configured).resolve()
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "seldon-core-operator"


def state_dir() -> Path:
    """Return the folder of what this tool has started: process ids, kubeconfigs. Not a cache: `down` empties it."""
    configured = os.environ.get("SELDON_STATE")
    if configured:
        return Path(configured).resolve()
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "seldon-core-operator"
