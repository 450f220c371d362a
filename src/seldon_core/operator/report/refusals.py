"""Why a Deployment's pods cannot be made, from the words of whoever refuses them.

The Deployment's condition passes on what the API server told the ReplicaSet, with the name that the pod would have had.
That is another one at every attempt, so it is left out: the sentence stays the same while the reason does.
"""

import re

from .reasons import Problem

REASON = "ReplicaFailure"

_POD = re.compile(r'^pods? "[^"]*" is (?:forbidden|invalid): ', re.IGNORECASE)
_DENIED = "denied the request"
"""What the API server says of a webhook that refuses; one that is away has other words."""
_ROOM = "exceeded quota"
"""Of a quota room may come back by itself. What a LimitRange, Pod Security or a policy refuses stays refused."""


def refusal_of(deployment: str, message: str) -> Problem:
    """The problem of a Deployment whose condition `ReplicaFailure` says that its pods cannot be made."""
    words, named = _POD.subn("", " ".join(message.split()))
    refused = bool(named) or _DENIED in words
    return Problem(
        REASON,
        f"Deployment {deployment}",
        "cannot create its pods",
        words,
        failed=refused and not words.startswith(_ROOM),
        cause=REASON,
        occurrence=_reason(words),
    )


def _reason(words: str) -> str:
    """The words without amounts, which change with what others use."""
    return re.sub(r"[0-9]+[A-Za-z]*", "", words)
