"""What a page of metrics says, read as Prometheus reads it: names, labels and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(r"^(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One series."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(page: str, name: str, **labels: str) -> Iterator[Sample]:
    """The series of a name that have these labels among theirs."""
    for line in _LINE.finditer(page):
        found = dict(_LABEL.findall(line["labels"] or ""))
        if line["name"] == name and labels.items() <= found.items():
            yield Sample(name, found, float(line["value"]))


def total(page: str, name: str, **labels: str) -> float:
    """Their sum; 0 where there is none."""
    return sum(sample.value for sample in samples(page, name, **labels))
