"""What a user's method takes and gives, whatever form it has on the wire. Source: specification 4 and 7."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import msgspec
import numpy as np
from google.protobuf.any_pb2 import Any as CustomData

from .errors import MicroserviceError

NUMERIC = frozenset("iuf")
_PLAIN = ((dict, "jsonData"), (bytes, "binData"), (str, "strData"), (CustomData, "customData"))


class Payload(msgspec.Struct, frozen=True):
    """One decoded message."""

    kind: str
    """ndarray, tensor, tftensor, jsonData, strData, binData or customData."""
    features: Any
    names: list[str]
    meta: dict[str, Any] | None


class Formed(msgspec.Struct, frozen=True):
    """A method's result, ready to be written: `value` is an array, a list, or what the kind is named for."""

    kind: str
    """As in Payload."""
    value: Any
    names: list[str]


class Codec(Protocol):
    """One form of messages: JSON documents, or protobuf."""

    raw: tuple[str, ...]
    """The endings of the names of methods that take messages of this form whole, the first one first."""

    def decode(self, message: Any) -> Payload:
        """A message's features. Raises MicroserviceError (400) with what is wrong."""
        ...  # pragma: no cover

    def messages(self, message: Any) -> list[Any]:
        """The messages that are to be aggregated. Raises MicroserviceError."""
        ...  # pragma: no cover

    def encode(self, formed: Formed, meta: dict[str, Any]) -> Any:
        """An answer's message. Raises MicroserviceError."""
        ...  # pragma: no cover

    def whole(self, answer: Any) -> Any:
        """What a raw method gave, as a message of this form. Raises MicroserviceError."""
        ...  # pragma: no cover

    def metrics(self, message: Any) -> list[dict[str, Any]]:
        """The custom metrics in a message's meta."""
        ...  # pragma: no cover

    def without_metrics(self, message: Any) -> Any:
        """The message without them."""
        ...  # pragma: no cover


def formed(result: Any, kind: str, class_names: Callable[[], Any] | None) -> Formed:
    """A method's result in the kind that answers a request of `kind`. Raises MicroserviceError."""
    if isinstance(result, np.ndarray):
        array = result
    else:
        result = bytes(result) if isinstance(result, bytearray) else result
        for kind_of_result, answer in _PLAIN:
            if isinstance(result, kind_of_result):
                return Formed(answer, result, [])
        if not isinstance(result, list):
            raise MicroserviceError(f"Unknown data type returned as payload (must be list or np array):{short(result)}")
        try:
            array = np.asarray(result)
        except ValueError:  # a ragged list is an answer of its own
            return Formed("ndarray", result, [])
    names = _names(array, class_names)
    if kind != "ndarray" and array.dtype.kind in NUMERIC:
        return Formed("tftensor" if kind == "tftensor" else "tensor", array, names)
    return Formed("ndarray", result if isinstance(result, list) else array, names)


def _names(array: Any, class_names: Callable[[], Any] | None) -> list[str]:
    if array.ndim < 2:
        return []
    if class_names is not None:
        return list(class_names())
    return _numbered(array.shape[1])


@lru_cache(maxsize=64)
def _numbered(columns: int) -> list[str]:
    """One list for all answers: nobody changes it."""
    return [f"t:{column}" for column in range(columns)]


def short(value: Any) -> str:
    """A value for a message, cut: a body of megabytes must not come back in an error."""
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
