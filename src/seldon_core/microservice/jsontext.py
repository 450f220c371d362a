"""JSON as v1.17.1's web framework read and wrote it: NaN is a number, keys are sorted, numpy values included."""

import json
from typing import Any

import numpy as np
import orjson

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_NOT_IN_JSON = (b"NaN", b"Infinity")


def loads(text: bytes) -> Any:
    """A document. Raises orjson.JSONDecodeError.

    NaN and the infinities are no JSON, and are how Python's clients write a missing value.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if not any(word in text for word in _NOT_IN_JSON):
            raise
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
        raise  # the first error says what is wrong besides


def dumps(document: Any) -> bytes:
    """Compact JSON. Numbers that JSON has no form for (NaN, infinities) become null.

    Raises TypeError for a value that has no JSON form.
    """
    try:
        return orjson.dumps(document, _plain, _OPTIONS)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits are the usual reason. Slower, and the same document.
        return json.dumps(document, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    """Arrays that orjson does not take (texts, objects, odd strides), numpy scalars, sets."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
