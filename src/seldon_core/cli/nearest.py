"""What was probably meant by a name that is not there."""

import difflib
from collections.abc import Iterable

_LISTED = 8


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like it, or nothing."""
    return next(iter(difflib.get_close_matches(name, sorted(set(known)), n=1)), "")


def among(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about it: `; did you mean X?`, else what there is, as far as it fits on a line."""
    names = sorted(set(known))
    if near := closest(name, names):
        return f"; did you mean {near}?"
    if not names:
        return "."
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"; there are: {', '.join(names[:_LISTED])}{more}."
