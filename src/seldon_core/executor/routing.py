"""What a router may decide, whatever the form of its answer. Source: specification 3 and 7."""

from typing import Any

from .message import GraphError

ALL_CHILDREN = -1
NO_CHILDREN = -2


def checked(value: Any, router: str, children: int) -> int:
    """A decision: the number of a child, ALL_CHILDREN or NO_CHILDREN.

    Raises GraphError for anything else: a wrong decision must not become child 0.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # tensors carry doubles
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphError(f"Router {router} did not answer the number of a child")
    if not NO_CHILDREN <= value < children:
        raise GraphError(f"Router {router} answered child {value}, and has {children} children, numbered from 0")
    return value
