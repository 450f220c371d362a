"""What chart tests share."""

from __future__ import annotations

from typing import Any


def pytest_make_parametrize_id(val: Any) -> str | None:
    """Values of the chart as a test's id: `{"rbac": {"create": False}}` reads `rbac.create=False`."""
    return ",".join(_flat(val, ())) if isinstance(val, dict) and val else None


def _flat(node: Any, path: tuple[str, ...]) -> list[str]:
    if isinstance(node, dict) and node:
        return [text for key, value in node.items() for text in _flat(value, (*path, str(key)))]
    return [f"{'.'.join(path)}={node}"]
