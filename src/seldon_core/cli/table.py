"""Tables and paragraphs that fit a terminal."""

import textwrap
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 120
"""Columns that everything but `-o wide` fits into."""
_GAP: Final = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None, shrink: str = "") -> str:
    """Rows under their heads, columns as wide as their longest cell.

    Args:
        head: Names of the columns.
        rows: Cells.
        width: Longest line, or None for any. Where it is too little, cells are shortened in their middle: those of the
            column `shrink` first, then the longest ones of the others.
        shrink: A name of `head`.
    """
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    if width is not None:
        _narrow(widths, head, width - len(_GAP) * (len(head) - 1), shrink)
    lines = (
        _GAP.join(shortened(cell, wide).ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )
    return "\n".join(lines) + "\n"


def shortened(text: str, width: int) -> str:
    """A text that is too long without its middle: what begins and what ends a name or an address tells most."""
    if len(text) <= width:
        return text
    end = max(0, (width - 1) // 2)
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}" if width > 1 else "…"


def paragraph(text: str, *, indent: str, first: str | None = None) -> str:
    """A text wrapped to `WIDTH`; nothing in it is cut, so that what was said can be copied."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _narrow(widths: list[int], head: Sequence[str], room: int, shrink: str) -> None:
    least = [len(name) for name in head]
    preferred = head.index(shrink) if shrink in head else None
    while sum(widths) > room:
        if preferred is not None and widths[preferred] > max(least[preferred], 24):
            widths[preferred] -= 1
            continue
        widest = max(range(len(widths)), key=lambda column: widths[column] - least[column])
        if widths[widest] <= least[widest]:
            return
        widths[widest] -= 1
