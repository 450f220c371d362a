"""Inline SVG: how long each stage took, and what was measured over time while something was changed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from release.outcome import Series
from release.results import Result, State

_COLOURS = ("#1f5fa8", "#d98032", "#3c8d5a", "#8a4f9e", "#8a8a8a")
_BY_STATE = {State.PASSED: "#3c8d5a", State.FAILED: "#c0392b", State.BROKEN: "#c0392b", State.NOT_RUN: "#8a8a8a"}
_WIDTH = 860
_LEFT = 120
_ROW = 20
_HEIGHT = 246
_TOP = 72
_BOTTOM = 34
_MARKS = 38
"""Where names of moments begin: three rows between the lines' names and the lines."""
_MOST_POINTS = 600
"""A line of more points would only make the page slow; each is then the largest of its neighbours."""


def durations(results: Sequence[Result]) -> str:
    """Draw a bar for each stage that was run."""
    timed = [result for result in results if result.began]
    if not timed:
        return ""
    longest = max(result.seconds for result in timed) or 1.0
    parts = []
    for row, result in enumerate(timed):
        y = 8 + row * _ROW
        width = max(result.seconds / longest * (_WIDTH - _LEFT - 90), 1)
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y + 11}" text-anchor="end">{escape(result.name)}</text>\n'
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_ROW - 6}" fill="{_BY_STATE[result.state]}"/>\n'
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 11}">{result.seconds:,.1f} s</text>\n'
        )
    return _svg("Seconds a stage", 16 + len(timed) * _ROW, "".join(parts))


def lines(series: Sequence[Series]) -> str:
    """Draw a panel for each unit, with a line for each series of it and the moments that were marked."""
    units = dict.fromkeys(each.unit for each in series if each.points)
    return "".join(_panel(unit, [each for each in series if each.unit == unit and each.points]) for unit in units)


def _panel(unit: str, series: Sequence[Series]) -> str:
    marks = tuple(dict.fromkeys(mark for each in series for mark in each.marks))
    moments = [moment for each in series for moment, _ in each.points] + [moment for moment, _ in marks]
    start, end = min(moments), max(moments)
    highest = max(value for each in series for _, value in each.points) or 1.0
    floor = _HEIGHT - _BOTTOM

    def x(moment: float) -> float:
        return _LEFT + (moment - start) / ((end - start) or 1) * (_WIDTH - _LEFT - 30)

    def y(value: float) -> float:
        return floor - value / highest * (floor - _TOP)

    parts = [
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - 30}" y2="{floor}" stroke="#999"/>\n',
        f'<line x1="{_LEFT}" y1="{_TOP}" x2="{_LEFT}" y2="{floor}" stroke="#999"/>\n',
        f'<text x="{_LEFT - 8}" y="{floor + 4}" text-anchor="end">0</text>\n',
        f'<text x="{_LEFT - 8}" y="{_TOP + 4}" text-anchor="end">{highest:,.4g} {escape(unit)}</text>\n',
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">{start:,.4g} s</text>\n',
        f'<text x="{_WIDTH - 30}" y="{_HEIGHT - 8}" text-anchor="end">{end:,.4g} s</text>\n',
    ]
    for number, (moment, name) in enumerate(marks):
        row = number % 3 * 13
        parts.append(
            f'<line x1="{x(moment):.1f}" y1="{_MARKS + row - 8}" x2="{x(moment):.1f}" y2="{floor}" stroke="#888" '
            f'stroke-dasharray="4 3"/>\n'
            f'<text x="{x(moment) + 3:.1f}" y="{_MARKS + row}" fill="#555">{escape(name)}</text>\n'
        )
    for number, each in enumerate(series):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x(moment):.1f},{y(value):.1f}" for moment, value in _thinned(each.points))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>\n'
            f'<rect x="{_LEFT + number * 180}" y="10" width="12" height="12" fill="{colour}"/>\n'
            f'<text x="{_LEFT + number * 180 + 18}" y="20">{escape(each.name)}</text>\n'
        )
    return _svg(", ".join(each.name for each in series), _HEIGHT, "".join(parts))


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    size = -(-len(points) // _MOST_POINTS)
    groups = (points[first : first + size] for first in range(0, len(points), size))
    return [max(group, key=lambda point: point[1]) for group in groups]


def _svg(title: str, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="#222" role="img">\n'
        f"<title>{escape(title)}</title>\n{body}</svg>\n"
    )
