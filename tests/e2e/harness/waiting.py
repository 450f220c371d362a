"""Waiting for the cluster: an assertion is tried again until it holds, and what it said last becomes the failure.

Two ends other than success: the deadline, and a `HopelessError` for states that will not mend by waiting, such as a
SeldonDeployment that reports Failed. The second ends a wait at once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Object = dict[str, Any]

INTERVAL_SECONDS = 0.2
log = logging.getLogger("e2e")


class HopelessError(Exception):
    """The awaited state cannot come any more; the message says why."""


class WaitTimeoutError(AssertionError):
    """The awaited state did not come in time; the message holds what was seen last."""


def wait_for(
    assertion: Callable[[], T],
    *,
    what: str,
    seconds: float,
    detail: Callable[[], str] | None = None,
    interval: float = INTERVAL_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """Try `assertion` until it raises no AssertionError; its answer is the answer.

    `what` names the awaited state for the message. `detail` is asked once, after the deadline, for what helps to
    understand it. The assertion is tried at least once, and once more at the deadline.

    Raises WaitTimeoutError after `seconds` with the assertion's last message; any other exception, HopelessError
    among them, passes through at once.
    """
    deadline = clock() + seconds
    last = ""
    while True:
        final = clock() >= deadline
        try:
            return assertion()
        except AssertionError as error:
            message = str(error) or repr(error)
        if message != last:
            log.info("waiting for %s: %s", what, message)
            last = message
        if final:
            more = f"\n{detail()}" if detail is not None else ""
            raise WaitTimeoutError(f"{what}: not within {seconds:g} s; last seen: {last}{more}")
        pause(min(interval, max(0.0, deadline - clock())))


def current_status(sdep: Object | None, name: str) -> Object:
    """The status of a SeldonDeployment, if the controller wrote it for the present spec.

    Raises AssertionError where the object is not there, has no status yet, or the status is of an older generation
    (`observedGeneration`; a status without that field is taken as current).
    """
    if sdep is None:
        raise AssertionError(f"SeldonDeployment {name} is not there")
    status: Object = sdep.get("status") or {}
    if not status.get("state"):
        raise AssertionError(f"SeldonDeployment {name} has no status yet")
    generation = sdep["metadata"].get("generation")
    observed = status.get("observedGeneration", generation)
    if observed != generation:
        raise AssertionError(f"SeldonDeployment {name}: the status is of generation {observed}, not {generation}")
    return status


def assert_available(sdep: Object | None, name: str, *, tolerate_failed: bool = False) -> Object:
    """The SeldonDeployment, if its state is Available and its condition Ready, as `kubectl wait` reads it, is True.

    Raises HopelessError with the description where the state is Failed and that is not tolerated (a test that has
    just repaired the cause tolerates it), AssertionError for every other state.
    """
    status = current_status(sdep, name)
    state, description = status["state"], status.get("description", "")
    if state == "Failed" and not tolerate_failed:
        raise HopelessError(f"SeldonDeployment {name} reports Failed: {description or '(no description)'}")
    if state != "Available" or sdep is None:
        raise AssertionError(f"SeldonDeployment {name} is {state}: {description or '(no description)'}")
    ready = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {"status": "True"})
    if ready["status"] != "True":
        raise AssertionError(f"SeldonDeployment {name} is not Ready: {ready.get('message') or ready.get('reason')}")
    return sdep


def assert_failed(sdep: Object | None, name: str, patterns: Sequence[str]) -> str:
    """The description of a SeldonDeployment that is Failed and whose description matches every pattern."""
    return assert_described(sdep, name, "Failed", patterns)


def assert_described(sdep: Object | None, name: str, wanted: str, patterns: Sequence[str]) -> str:
    """The description of a SeldonDeployment in the wanted state, if it matches every pattern.

    Patterns are regular expressions, searched without regard to case. Raises HopelessError where the state is
    Available, AssertionError while the state or the text is another.
    """
    status = current_status(sdep, name)
    state, description = status["state"], str(status.get("description", ""))
    if state == "Available":
        raise HopelessError(f"SeldonDeployment {name} became Available although its input is bad")
    if state != wanted:
        raise AssertionError(f"SeldonDeployment {name} is {state}: {description or '(no description)'}")
    missing = [pattern for pattern in patterns if not re.search(pattern, description, re.IGNORECASE)]
    if missing:
        raise AssertionError(f"SeldonDeployment {name} is {state}, but its description lacks {missing}: {description}")
    return description


def assert_updated(deployment: Object | None) -> Object:
    """The Deployment, if all its replicas are of the newest template and available, and no other is counted."""
    if deployment is None:
        raise AssertionError("the Deployment is not there")
    name, status = deployment["metadata"]["name"], deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        raise AssertionError(f"Deployment {name}: the newest generation has not been seen yet")
    counts = {key: status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas")}
    if any(count != wanted for count in counts.values()):
        raise AssertionError(f"Deployment {name}: {wanted} replicas wanted, {counts}")
    return deployment


def assert_rolled_out(deployment: Object | None, pods: Sequence[Mapping[str, Any]]) -> Object:
    """The Deployment, if its newest template alone runs: `assert_updated`, and no further pod, even an ending one."""
    deployment = assert_updated(deployment)
    name, wanted = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
    if len(pods) != wanted:
        names = ", ".join(sorted(pod["metadata"]["name"] for pod in pods))
        raise AssertionError(f"Deployment {name}: {wanted} pods wanted, these exist: {names}")
    return deployment
