"""docs/benchmarks.svg: two panels of bars, requests a second under load and the latency of a lone request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from .results import Result, Run
from .systems import ORDER
from .targets import find

_COLOURS = {
    "embedded": "#1f5fa8",
    "sidecar": "#6fa8dc",
    "mlserver": "#d98032",
    "mlserver-batching": "#efb27a",
    "mlserver-default": "#b5651d",
    "seldon-core-1.17.1": "#8a8a8a",
}
_WIDTH = 860
_LEFT = 170
_BAR = 15
_GAP = 16
_TITLE = 44
_LABEL = 120
"""Space behind the longest bar for its figure."""


def draw(run: Run) -> str:
    """The whole SVG. Systems that were not measured have no bar; bars of one panel share a scale from zero."""
    connections = sorted({entry.result.connections for entry in run.entries})
    busy = 64 if 64 in connections else max(connections, default=0)
    panels = (
        (f"Requests a second, {busy} connections, one row each (more is better)", busy, _rate, "{:,.0f}"),
        ("Median latency of a lone client, ms (less is better)", 1, _latency, "{:.2f}"),
    )
    parts: list[str] = []
    top = 34
    for title, count, figure, form in panels:
        bars = _bars(run, count, figure)
        if bars:
            height, body = _panel(title, bars, form, top)
            parts.append(body)
            top += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        'font-family="sans-serif" font-size="12" role="img">\n'
        "<title>Benchmark of the data plane</title>\n"
        f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>\n' + _legend(run) + "".join(parts) + "</svg>\n"
    )


def _rate(result: Result) -> float:
    return result.rps


def _latency(result: Result) -> float:
    return result.p50_ms


Group = tuple[str, list[tuple[str, float]]]


def _bars(run: Run, connections: int, figure: Callable[[Result], float]) -> list[Group]:
    """For each protocol that was measured, its systems and their figures."""
    groups: list[Group] = []
    for protocol in dict.fromkeys(entry.result.protocol for entry in run.entries):
        found = [(name, find(run, name, protocol, connections)) for name in ORDER]
        bars = [(name, figure(result)) for name, result in found if result is not None]
        if bars:
            groups.append((protocol, bars))
    return groups


def _panel(title: str, groups: Sequence[Group], form: str, top: int) -> tuple[int, str]:
    """A panel's height, and its elements."""
    largest = max(value for _, bars in groups for _, value in bars) or 1
    parts = [f'<text x="16" y="{top + 26}" font-size="15" font-weight="bold" fill="#222">{escape(title)}</text>\n']
    y = top + _TITLE
    for protocol, bars in groups:
        middle = y + len(bars) * _BAR / 2 + 4
        parts.append(
            f'<text x="{_LEFT - 12}" y="{middle:.0f}" text-anchor="end" fill="#222">{escape(protocol)}</text>\n'
        )
        for name, value in bars:
            width = max(value / largest * (_WIDTH - _LEFT - _LABEL), 1)
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{_COLOURS[name]}"/>\n'
                f'<text x="{_LEFT + width + 6:.1f}" y="{y + 11}" fill="#222">{form.format(value)}</text>\n'
            )
            y += _BAR
        y += _GAP
    return y - top, "".join(parts)


def _legend(run: Run) -> str:
    measured = {entry.result.system for entry in run.entries}
    parts = []
    x = 16
    for name in ORDER:
        if name in measured:
            parts.append(
                f'<rect x="{x}" y="14" width="12" height="12" fill="{_COLOURS[name]}"/>\n'
                f'<text x="{x + 18}" y="24" fill="#222">{escape(name)}</text>\n'
            )
            x += 34 + 7 * len(name)
    return "".join(parts)
