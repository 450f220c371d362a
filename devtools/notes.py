"""A chart's notes without a cluster: Helm prints them after an installation, and `helm template` leaves them out."""

from __future__ import annotations

from pathlib import Path

NAME = "notes"
"""Of the ConfigMap, and of the key of its data, that the notes are rendered into."""
_AS_AN_OBJECT = f"""
apiVersion: v1
kind: ConfigMap
metadata:
  name: {NAME}
data:
  {NAME}: {{{{ tpl (.Files.Get "files/notes.txt") . | quote }}}}
"""


def as_an_object(chart: Path) -> None:
    """Change a copy of a chart so that it renders its notes as the data of one more object."""
    (chart / "files").mkdir(exist_ok=True)
    (chart / "templates" / "NOTES.txt").rename(chart / "files" / "notes.txt")
    (chart / "templates" / "notes-as-an-object.yaml").write_text(_AS_AN_OBJECT, encoding="utf-8")
