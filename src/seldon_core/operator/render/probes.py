"""Probes: true readiness where the server is ours, the recorded TCP probes elsewhere.

Our servers answer `/health/status` once the model is loaded and `/health/ping` while the process is alive, so that
nothing waits for a fixed delay; a slow model is covered by the startup probe. Source: specification 1.2 and design
decision 4.
"""

from typing import Any, Final

from seldon_core.api.shapes import Json

# A model may take this long to load before the container is started again.
STARTUP_SECONDS: Final = 600
_READY_DELAY: Final = 20
_LIVE_DELAY: Final = 60


def server(port: int) -> dict[str, Any]:
    """Probes of a server of ours, by field of the container."""
    return {
        "startupProbe": _http("/health/status", port, period=1, failures=STARTUP_SECONDS),
        "readinessProbe": _http("/health/status", port, period=5, failures=3),
        "livenessProbe": _http("/health/ping", port, period=5, failures=3),
    }


def tcp(port: int, container: Json) -> dict[str, Any]:
    """Probes of any other server; without the recorded delays where a startup probe of the user's covers the start."""
    covered = bool(container.get("startupProbe"))
    return {
        "livenessProbe": _tcp(port, 0 if covered else _LIVE_DELAY),
        "readinessProbe": _tcp(port, 0 if covered else _READY_DELAY),
    }


def v2(port: int) -> dict[str, Any]:
    """Probes by the paths of the protocol v2, which MLServer answers, too. Source: specification 1.4."""
    return {
        "startupProbe": _http("/v2/health/ready", port, period=1, failures=STARTUP_SECONDS),
        "readinessProbe": _http("/v2/health/ready", port, period=5, failures=3),
        "livenessProbe": _http("/v2/health/live", port, period=5, failures=3),
    }


def each_second(probe: Json) -> dict[str, Any]:
    """The probe as often as the orchestrator is asked: a server that does its work is taken out as soon as that."""
    return {**probe, "periodSeconds": 1}


def opened(port: int) -> dict[str, Any]:
    """A readiness probe of a program that opens its port when it is ready."""
    return _tcp(port, 0)


def explainer() -> dict[str, Any]:
    """Probes of an explainer, on its port of the name http. Source: specification 1.7."""
    return {
        "livenessProbe": _tcp("http", _LIVE_DELAY, failures=5),
        "readinessProbe": _tcp("http", _READY_DELAY, failures=7),
    }


def engine(port: int, *, tls: bool) -> dict[str, Any]:
    """Probes of the orchestrator: ready when every node of the graph can be reached, asked each second."""
    return {
        "startupProbe": _http("/live", port, period=1, failures=60, tls=tls),
        "readinessProbe": _http("/ready", port, period=1, failures=3, tls=tls),
        "livenessProbe": _http("/live", port, period=5, failures=3, tls=tls),
    }


def _http(path: str, port: int, *, period: int, failures: int, tls: bool = False) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": port, "scheme": "HTTPS" if tls else "HTTP"},
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


def _tcp(port: int | str, delay: int, *, failures: int = 3) -> dict[str, Any]:
    probe = {
        "tcpSocket": {"port": port},
        "timeoutSeconds": 1,
        "periodSeconds": 5,
        "successThreshold": 1,
        "failureThreshold": failures,
    }
    return {"initialDelaySeconds": delay, **probe} if delay else probe
