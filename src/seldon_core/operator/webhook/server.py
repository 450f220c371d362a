"""The validating webhook: a SeldonDeployment that cannot work is refused when it is applied, with the reason.

Whatever comes in, an answer goes out: this handler must never be the cause of an error of its own. An update that
leaves alone what is judged is let in, with what is wrong as a warning: who labels an object of an older release, or one
whose server has gone from `predictor_servers`, is not to be stopped by that. Source: specification 2.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import GROUP, KIND
from seldon_core.operator.log import about
from seldon_core.operator.metrics import Metrics
from seldon_core.operator.render.config import OperatorConfig
from seldon_core.transport.server import Request, Response

from .admission import Verdict, judge

_log = logging.getLogger(__name__)

PATH: Final = "/validate-machinelearning-seldon-io-v1-seldondeployment"

_LONGEST_WARNING: Final = 256
"""Characters that Kubernetes advises as the most of one warning."""
_ALL_WARNINGS: Final = 4096
"""Bytes of all warnings of an answer; the API server begins to leave some out there."""

Json = dict[str, Any]


class Webhook:
    """Answers AdmissionReviews.

    Args:
        config: The present configuration.
        metrics: Counts answers.
    """

    def __init__(self, config: Callable[[], OperatorConfig], metrics: Metrics) -> None:
        self._config = config
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
        verdict = self._verdict(asked)
        self._metrics.admissions.increment(allowed=str(not verdict.refusal).lower())
        answer: Json = {"uid": asked["uid"], "allowed": not verdict.refusal}
        if verdict.refusal:
            answer["status"] = {
                "status": "Failure",
                "code": 422,
                "reason": "Invalid",
                "message": verdict.refusal,
            }
            _log.info("refused: %s", verdict.refusal, extra=_about(asked))
        if warnings := _fitting(verdict.warnings):
            answer["warnings"] = warnings
        body = {"apiVersion": version or "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        return Response(200, msgspec.json.encode(body))

    def _verdict(self, asked: Mapping[str, Any]) -> Verdict:
        """Whether an object is let in."""
        obj = asked.get("object")
        if asked.get("operation") not in ["CREATE", "UPDATE"]:
            return Verdict()
        metadata = obj.get("metadata") if isinstance(obj, dict) else None
        known = metadata if isinstance(metadata, dict) else {}
        if known.get("deletionTimestamp"):
            # What is going away may go: its last change takes a finalizer off.
            return Verdict()
        name = str(asked.get("name") or known.get("name") or known.get("generateName") or "")
        if not isinstance(obj, dict):
            return Verdict(refusal=f'{KIND}.{GROUP} "{name}" is invalid: there is no object to validate.')
        try:
            verdict = judge(load(_named(obj, name)), self._config())
        except ManifestError as error:
            verdict = Verdict((str(error),), f'{KIND}.{GROUP} "{name}" is invalid: {error}')
        except Exception:  # noqa: BLE001 - a fault of ours: a clear refusal is better than a closed connection
            _log.exception("the webhook cannot judge an object", extra=_about(asked))
            fault = f'{KIND}.{GROUP} "{name}" could not be validated: a fault of the controller, its log tells more.'
            return Verdict(refusal=fault)
        if verdict.refusal and asked.get("operation") == "UPDATE":
            before = _judged(asked.get("oldObject"))
            if before is not None and before == _judged(obj):
                return Verdict(warnings=verdict.errors)
        return verdict


def _judged(obj: Any) -> tuple[Any, Any] | None:
    """What a verdict is about, of an object of any shape."""
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    return (obj.get("spec"), metadata.get("annotations") or {}) if isinstance(metadata, dict) else None


def _fitting(warnings: Sequence[str]) -> list[str]:
    """Warnings as the API server takes them: without control characters, each and all of limited length."""
    found: list[str] = []
    room = _ALL_WARNINGS
    for sentence in warnings:
        line = " ".join(sentence.split())
        line = line if len(line) <= _LONGEST_WARNING else line[: _LONGEST_WARNING - 1] + "…"
        room -= len(line.encode())
        if room < 0:
            break
        found.append(line)
    return found


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
