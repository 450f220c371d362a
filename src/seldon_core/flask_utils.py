"""The exception that users' classes raise for an answer with a status of their own. The import name that they use.

    from seldon_core.flask_utils import SeldonMicroserviceException

    raise SeldonMicroserviceException("The picture is too small.", status_code=422, reason="BAD_PICTURE")

Needs no Flask, whatever the name says. Source: v1.17.1's Python package.
"""

from typing import Any


class SeldonMicroserviceException(Exception):  # noqa: N818 - the name is the contract
    """A request that is answered `status_code` (400) with `message` and `reason`, in the shape of all errors."""

    status_code = 400

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        payload: Any = None,
        reason: str = "MICROSERVICE_BAD_DATA",
    ) -> None:
        super().__init__(message)
        self.message = message
        if status_code is not None:
            self.status_code = status_code
        self.payload = payload
        self.reason = reason

    def to_dict(self) -> dict[str, Any]:
        """The answer's document."""
        return {"status": {"code": -1, "info": self.message, "reason": self.reason, "status": 1}}
