"""A microservice's errors: those that a client is answered, and those that end the process. Source: specification 4."""

import orjson

from seldon_core.transport.messages import Response

from .cors import ANYBODY

BAD_DATA = "MICROSERVICE_BAD_DATA"
BAD_METRIC = "MICROSERVICE_BAD_METRIC"
BAD_METADATA = "MICROSERVICE_BAD_METADATA"
BAD_PARAMETER = "MICROSERVICE_BAD_PARAMETER"
INTERNAL = "MICROSERVICE_INTERNAL_ERROR"
NOT_FOUND = "MICROSERVICE_NOT_FOUND"
NOT_READY = "MICROSERVICE_NOT_READY"

LOADING = "The model is still being loaded."


class MicroserviceError(Exception):
    """A request that cannot be answered. `status` is HTTP's, `reason` one of this module's constants."""

    def __init__(self, info: str, status: int = 400, reason: str = BAD_DATA) -> None:
        super().__init__(info)
        self.info = info
        self.status = status
        self.reason = reason

    def response(self) -> Response:
        """The answer that says so."""
        return failure(self.status, self.reason, self.info)


class StartError(Exception):
    """The component cannot serve: one sentence that says what is wrong, where, and what to do. Ends the process."""


def failure(status: int, reason: str, info: str) -> Response:
    """The error shape that clients of v1.17.1 know."""
    return Response(status, orjson.dumps(_document(reason, info)), common=ANYBODY)


def refusal(status: int, sentence: str) -> Response:
    """The transport's refusals, in the same shape and in that of the protocol v2: which one was meant is not known."""
    document = {"error": sentence, **_document(INTERNAL if status >= 500 else BAD_DATA, sentence)}
    return Response(status, orjson.dumps(document), common=ANYBODY)


def _document(reason: str, info: str) -> dict[str, object]:
    return {"status": {"code": -1, "info": info, "reason": reason, "status": 1}}
