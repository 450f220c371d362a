"""Moves requests between the backends of a Gateway API route in steps, so that none is sent to one that is not known.

A data plane learns of backends and of routes by different ways, in any order (Envoy: CDS and RDS, as Contour serves
them). A route that names a backend too early, or one that is taken away while the route still names it, costs the
requests of that moment: Contour 1.33 with Envoy 1.39 answered 80 of 7,594 requests with 503 over 25 changes from one
Service to another and back, at 200 a second; in steps none of 24,773.

So what is new is named with weight 0 first; then the weights change, and what goes keeps its place with weight 0; then
it is left out. Between two steps gateways get their time (`settling`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_Key = tuple[str, int]


def shifted(wanted: Mapping[str, Any], live: Mapping[str, Any], *, may_step: bool) -> Mapping[str, Any]:
    """The manifest of a route's next step; the wanted one where it is the last.

    Args:
        wanted: The rendered HTTPRoute or GRPCRoute.
        live: The one that there is.
        may_step: Gateways have had the time to follow the step before.
    """
    rules, there = wanted["spec"]["rules"], live["spec"].get("rules") or ()
    if len(rules) != len(there):
        return wanted
    stepped = [_rule(rule, old, may_step=may_step) for rule, old in zip(rules, there, strict=True)]
    if all(new is rule for new, rule in zip(stepped, rules, strict=True)):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "rules": stepped}}


def _rule(wanted: Mapping[str, Any], live: Mapping[str, Any], *, may_step: bool) -> Mapping[str, Any]:
    goal, now = _by_key(wanted.get("backendRefs") or ()), _by_key(live.get("backendRefs") or ())
    backends = _next(goal, now, may_step=may_step)
    return wanted if backends is None else {**wanted, "backendRefs": backends}


def _next(goal: Mapping[_Key, Json], now: Mapping[_Key, Json], *, may_step: bool) -> list[Json] | None:
    """The backends of the next step; None where they are the wanted ones."""
    if not any(map(_weight, now.values())):
        return None  # nobody is led anywhere yet
    final = {key: _weight(backend) for key, backend in goal.items()}
    current = {key: _weight(backend) for key, backend in now.items()}
    if final == current:
        return None
    if not may_step:
        return [dict(backend) for backend in now.values()]
    if final.keys() - current.keys():
        return [*map(dict, now.values()), *_unused(goal, now)]
    # A backend that is not there is one of weight 0, as far as requests go.
    if current.keys() - final.keys() and any(weight != final.get(key, 0) for key, weight in current.items()):
        return [*map(dict, goal.values()), *_unused(now, goal)]
    return None


def _unused(backends: Mapping[_Key, Json], but: Iterable[_Key]) -> list[Json]:
    """Those backends that are not among the others, with weight 0."""
    others = set(but)
    return [{**backend, "weight": 0} for key, backend in backends.items() if key not in others]


def _by_key(backends: Sequence[Json]) -> dict[_Key, Json]:
    return {(str(each["name"]), int(each.get("port", 0))): each for each in backends}


def _weight(backend: Mapping[str, Any]) -> int:
    # Source: Gateway API, BackendRef.weight.
    return int(backend.get("weight", 1))
