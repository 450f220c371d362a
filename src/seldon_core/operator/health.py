"""Probes and metrics of the controller: /healthz, /readyz and /metrics on one port."""

from collections.abc import Callable, Iterable

from seldon_core.transport.server import Request, Response

from .metrics import CONTENT_TYPE, Metrics

Check = tuple[str, Callable[[], str]]
"""A name, and a function that says what is missing; an empty text where nothing is."""


class Health:
    """Answers probes.

    Args:
        checks: What has to be in order for /readyz.
        metrics: For /metrics.
    """

    def __init__(self, checks: Iterable[Check], metrics: Metrics) -> None:
        self._checks = tuple(checks)
        self._metrics = metrics

    def handle(self, request: Request) -> Response:
        """One request. /healthz says that the event loop runs, no more: a restart heals nothing else."""
        if request.method not in {"GET", "HEAD"}:
            return _text(405, "Only GET is answered here.")
        if request.path == "/healthz":
            return _text(200, "ok")
        if request.path == "/readyz":
            missing = [f"{name}: {problem}" for name, check in self._checks if (problem := check())]
            return _text(503, "\n".join(missing)) if missing else _text(200, "ok")
        if request.path == "/metrics":
            return Response(200, self._metrics.expose().encode(), CONTENT_TYPE)
        return _text(404, "There is /healthz, /readyz and /metrics.")


def _text(status: int, text: str) -> Response:
    return Response(status, text.encode() + b"\n", "text/plain; charset=utf-8")
