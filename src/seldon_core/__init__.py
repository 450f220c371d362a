"""An independent implementation of the Seldon Core v1 API on Kubernetes.

Each sub-package is a room with one purpose; docs/architecture.md says which room holds what and who may import whom.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`seldon_core.Storage`, as servers written for v1.17.1 say; read when it is asked for, and by no room of ours."""
    if name == "Storage":
        return import_module("seldon_core.storage").Storage
    raise AttributeError(f"module {__name__} has no attribute {name}")
