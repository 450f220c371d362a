"""The steps by which a route's requests move; each may be the one that a restarted controller finds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.operator.routing.shifting import shifted


def route(**weights: int) -> dict[str, Any]:
    backends = [{"kind": "Service", "name": name, "port": 8000, "weight": weight} for name, weight in weights.items()]
    return {"metadata": {"name": "iris"}, "spec": {"rules": [{"matches": [], "backendRefs": backends}]}}


def weights(manifest: Any) -> dict[str, int]:
    return {each["name"]: each["weight"] for each in manifest["spec"]["rules"][0]["backendRefs"]}


def steps(wanted: dict[str, Any], live: dict[str, Any]) -> list[dict[str, int]]:
    """The backends of each write until nothing is left to do."""
    seen = []
    for _ in range(10):
        following = dict(shifted(wanted, live, may_step=True))
        if following == live:
            return seen
        seen.append(weights(following))
        live = following
    raise AssertionError(f"the steps do not end: {seen}")


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ({"main": 100}, {"main": 100}, []),
        ({"main": 75, "canary": 25}, {"main": 50, "canary": 50}, [{"main": 50, "canary": 50}]),
        (
            {"main": 100},
            {"main": 75, "canary": 25},
            [{"main": 100, "canary": 0}, {"main": 75, "canary": 25}],
        ),
        (
            {"main": 75, "canary": 25},
            {"main": 100},
            [{"main": 100, "canary": 0}, {"main": 100}],
        ),
        (
            {"old": 100},
            {"new": 100},
            [{"old": 100, "new": 0}, {"new": 100, "old": 0}, {"new": 100}],
        ),
        ({}, {"main": 100}, [{"main": 100}]),
    ],
)
def test_a_backend_is_known_before_it_is_used_and_for_a_while_after(
    live: dict[str, int], wanted: dict[str, int], expected: list[dict[str, int]]
) -> None:
    assert steps(route(**wanted), route(**live)) == expected


def test_a_step_waits_until_gateways_have_followed_the_one_before() -> None:
    wanted, live = route(new=100), route(old=100, new=0)

    assert weights(shifted(wanted, live, may_step=False)) == {"old": 100, "new": 0}
    assert weights(shifted(wanted, live, may_step=True)) == {"new": 100, "old": 0}


def test_everything_else_of_a_route_changes_at_once() -> None:
    wanted = route(new=100)
    wanted["spec"]["rules"][0]["timeouts"] = {"request": "3s"}

    (rule,) = shifted(wanted, route(old=100), may_step=False)["spec"]["rules"]

    assert rule["timeouts"] == {"request": "3s"}


def test_a_route_of_other_rules_is_replaced() -> None:
    live = route(old=100)
    live["spec"]["rules"] *= 2
    wanted = route(new=100)

    assert shifted(wanted, live, may_step=True) is wanted


_SHARES = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 100), min_size=1).filter(lambda w: any(w.values()))


@given(live=_SHARES, wanted=_SHARES)
def test_no_step_uses_a_backend_that_the_one_before_did_not_name(live: dict[str, int], wanted: dict[str, int]) -> None:
    before, following = live, steps(route(**wanted), route(**live))

    for step in following:
        used = {name for name, weight in step.items() if weight}
        dropped = before.keys() - step.keys()
        assert used <= before.keys()
        assert not any(before[name] for name in dropped)
        before = step
    assert before == wanted
