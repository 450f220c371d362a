"""Answers of the API server that are no success, as typed values.

Callers decide by class what to do (retry, report, ignore); the text is one sentence that a person can act on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from .resources import Resource


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked for; every error carries it so that its text can say so."""

    verb: str
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    def __str__(self) -> str:
        kind = f"{self.resource.kind}/{self.subresource}" if self.subresource else self.resource.kind
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {kind}{' ' + self.name if self.name else ''}{where}"


class ApiError(Exception):
    """The API server refused a call or could not be asked.

    Attributes:
        call: What was asked for.
        status: HTTP status, 0 where there was no answer.
        reason: The machine's word for it, such as `NotFound` or `Invalid`.
        message: The API server's own sentence.
        retry_after: Seconds that the API server asks to wait, or None.
    """

    transient = False
    """Whether the same call may succeed a little later without anybody's doing."""

    def __init__(
        self, call: Call, *, status: int = 0, reason: str = "", message: str = "", retry_after: float | None = None
    ) -> None:
        self.call = call
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The error's text."""
        return f"{self.call}: {self.message or self.reason or f'HTTP status {self.status}'}"


class NotFoundError(ApiError):
    """There is no such object (or no such kind)."""


class AlreadyExistsError(ApiError):
    """An object of that name exists: somebody was quicker. A later look finds it."""

    transient = True


class ConflictError(ApiError):
    """The object changed meanwhile, or a precondition (uid, resourceVersion) does not hold."""

    transient = True


class InvalidError(ApiError):
    """The API server's validation or an admission webhook refuses the object."""


class BadRequestError(ApiError):
    """The request itself is wrong; for a pod's log also: the container has not started yet."""


class ForbiddenError(ApiError):
    """RBAC, a quota or Pod Security refuses the call."""

    @property
    def is_rbac(self) -> bool:
        """Whether a permission is missing (and not: a quota is used up, or a policy refuses the object)."""
        return " cannot " in self.message

    @property
    def is_namespace_ending(self) -> bool:
        """Whether nothing new may be made because the namespace is being deleted."""
        return "because it is being terminated" in self.message

    def sentence(self) -> str:
        """The missing verb and resource first: that is what an administrator has to add."""
        if not self.is_rbac:
            return super().sentence()
        resource = self.call.resource.rbac_name
        if self.call.subresource:
            resource = resource.replace(
                self.call.resource.plural, f"{self.call.resource.plural}/{self.call.subresource}", 1
            )
        where = f" in namespace {self.call.namespace}" if self.call.namespace else " in the whole cluster"
        return (
            f"permission is missing: verb {self.call.verb} on {resource}{where} (the API server says: {self.message})"
        )


class UnauthorizedError(ApiError):
    """The credentials are missing, wrong or expired."""

    transient = True


class GoneError(ApiError):
    """The resourceVersion is older than what the API server keeps: list again."""

    transient = True


class OverloadedError(ApiError):
    """The API server asks to come back later (429), or fails itself (5xx)."""

    transient = True


class UnreachableError(ApiError):
    """No answer: connection refused or broken, name not resolved, or a timeout."""

    transient = True


class SilentError(UnreachableError):
    """A watch without a byte for longer than bookmarks leave it: nothing happens there, or the connection is dead."""


class FencedError(ApiError):
    """The write was not sent: another process may be doing this work by now."""

    transient = True


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidError,
    429: OverloadedError,
}


def from_status(call: Call, status: Mapping[str, Any], *, code: int = 0, retry_after: float | None = None) -> ApiError:
    """The error for a `Status` object.

    Args:
        call: What was asked for.
        status: The answer, kind `Status` of meta/v1; other JSON gives an error without a message.
        code: HTTP status, used where the object has none.
        retry_after: Seconds from the Retry-After header.
    """
    stated = status.get("code")
    # A proxy's answer may be JSON, too, and its code no number.
    http = stated if isinstance(stated, int) and stated else code
    reason = str(status.get("reason") or "")
    details = status.get("details")
    if retry_after is None and isinstance(details, dict) and isinstance(details.get("retryAfterSeconds"), int):
        retry_after = float(details["retryAfterSeconds"]) or None
    kind = OverloadedError if http >= 500 else _BY_STATUS.get(http, ApiError)
    if reason == "AlreadyExists":
        kind = AlreadyExistsError
    return kind(call, status=http, reason=reason, message=str(status.get("message") or ""), retry_after=retry_after)


def from_body(call: Call, code: int, body: bytes, retry_after: str | None) -> ApiError:
    """The error for an HTTP answer that is no success.

    A body that is no `Status` object becomes the message: its first 200 bytes.
    """
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
    try:
        status = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = None
    if not isinstance(status, dict):
        status = {"message": body[:200].decode(errors="replace").strip()}
    return from_status(call, status, code=code, retry_after=seconds)
