"""docs/benchmarks.md and .json, which two benchmarks write: each leaves what the other one found.

The data plane's owns the document; downloads are one section at its end, and keys of their own in the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKDOWN = "benchmarks.md"
JSON = "benchmarks.json"
_BEGIN = "<!-- downloads: begin -->"
_END = "<!-- downloads: end -->"
_DOWNLOADS = ("downloads", "downloads_about")


def write_data_plane(folder: Path, text: str, document: Mapping[str, Any]) -> None:
    """Write the data plane's report, and keep the section about downloads."""
    _, section = _split(_text(folder))
    kept = {key: value for key, value in _document(folder).items() if key in _DOWNLOADS}
    _write(folder, text, section, {**document, **kept})


def write_downloads(folder: Path, section: str, document: Mapping[str, Any]) -> None:
    """Write the section about downloads, and keep the data plane's report."""
    text, _ = _split(_text(folder))
    _write(folder, text, f"{_BEGIN}\n{section.strip()}\n{_END}\n", {**_document(folder), **document})


def _write(folder: Path, text: str, section: str, document: Mapping[str, Any]) -> None:
    whole = "\n".join(part for part in (text, section) if part)
    (folder / MARKDOWN).write_text(whole, encoding="utf-8")
    (folder / JSON).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _split(text: str) -> tuple[str, str]:
    """The data plane's part and the section, "" for one that is not there."""
    before, begin, rest = text.partition(_BEGIN)
    section, end, _ = rest.partition(_END)
    return (before.rstrip("\n") + "\n" if before.strip() else "", f"{begin}{section}{end}\n" if end else "")


def _text(folder: Path) -> str:
    file = folder / MARKDOWN
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _document(folder: Path) -> dict[str, Any]:
    file = folder / JSON
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found
