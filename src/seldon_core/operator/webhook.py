"""The validating webhook: a SeldonDeployment that cannot work is refused when it is applied, with the reason.

Whatever comes in, an answer goes out: this handler must never be the cause of an error of its own. Source:
specification 2.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.servers import PredictorServer
from seldon_core.api.types import GROUP, KIND
from seldon_core.api.validation import invalid_message, validate
from seldon_core.transport.server import Request, Response

from .log import about
from .metrics import Metrics

_log = logging.getLogger(__name__)

PATH: Final = "/validate-machinelearning-seldon-io-v1-seldondeployment"

Json = dict[str, Any]


class Webhook:
    """Answers AdmissionReviews.

    Args:
        servers: The rows of `predictor_servers` that are in force.
        metrics: Counts answers.
    """

    def __init__(self, servers: Callable[[], Mapping[str, PredictorServer]], metrics: Metrics) -> None:
        self._servers = servers
        self._metrics = metrics

    def handle(self, request: Request) -> Response:
        """One request of the API server. Answers 400 to what is no AdmissionReview, 404 and 405 as their names say."""
        if request.path != PATH:
            return _plain(404, f"There is nothing at this path; the webhook answers at {PATH}.")
        if request.method != "POST":
            return _plain(405, "The webhook answers POST alone.")
        try:
            review = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _plain(400, f"The body is not JSON: {error}.")
        asked = review.get("request") if isinstance(review, dict) else None
        if not isinstance(asked, dict) or not isinstance(asked.get("uid"), str):
            return _plain(400, "The body is no AdmissionReview: it has no request with a uid.")
        version = review.get("apiVersion")
        problem = self._problem(asked)
        self._metrics.admissions.increment(allowed=str(problem is None).lower())
        answer: Json = {"uid": asked["uid"], "allowed": problem is None}
        if problem is not None:
            answer["status"] = {
                "status": "Failure",
                "code": 422,
                "reason": "Invalid",
                "message": problem,
            }
            _log.info("refused: %s", problem, extra=_about(asked))
        body = {"apiVersion": version or "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        return Response(200, msgspec.json.encode(body))

    def _problem(self, asked: Mapping[str, Any]) -> str | None:
        """Why an object is refused, or None."""
        obj = asked.get("object")
        if asked.get("operation") not in ["CREATE", "UPDATE"]:
            return None
        metadata = obj.get("metadata") if isinstance(obj, dict) else None
        known = metadata if isinstance(metadata, dict) else {}
        if known.get("deletionTimestamp"):
            # What is going away may go: its last change takes a finalizer off.
            return None
        name = str(asked.get("name") or known.get("name") or known.get("generateName") or "")
        if not isinstance(obj, dict):
            return f'{KIND}.{GROUP} "{name}" is invalid: there is no object to validate.'
        try:
            sdep = load(_named(obj, name))
            errors = validate(sdep, self._servers())
        except ManifestError as error:
            return f'{KIND}.{GROUP} "{name}" is invalid: {error}'
        except Exception:  # noqa: BLE001 - a fault of ours: a clear refusal is better than a closed connection
            _log.exception("the webhook cannot judge an object", extra=_about(asked))
            return f'{KIND}.{GROUP} "{name}" could not be validated: a fault of the controller, its log tells more.'
        return invalid_message(name, errors) if errors else None


def _named(obj: Json, name: str) -> Json:
    """The object with the name that it will have; `generateName` leaves it empty until after admission."""
    metadata = obj.get("metadata")
    if isinstance(metadata, dict) and not metadata.get("name") and name:
        return {**obj, "metadata": {**metadata, "name": name}}
    return obj


def _plain(status: int, sentence: str) -> Response:
    return Response(status, sentence.encode() + b"\n", "text/plain; charset=utf-8")


def _about(asked: Mapping[str, Any]) -> dict[str, str]:
    return about(str(asked.get("namespace", "")), str(asked.get("name", "")))
