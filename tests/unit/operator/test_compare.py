"""Is a live object as wanted? Asked of objects that a real API server (Kubernetes 1.34.4) has filled with its defaults.

`data/recorded.json` holds pairs of a manifest and the live object that came of it: applied server-side, or created
where it has duplicates; afterwards `kubectl rollout restart` was run on the Deployments.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seldon_core.operator.objects import keyedlists, ownedfields
from seldon_core.operator.objects.compare import difference
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.objects.memory import Memory
from seldon_core.operator.objects.overlay import overlay
from tests.unit.kube import fake_fields
from tests.unit.operator.cluster import DATA

Object = dict[str, Any]
Path = tuple[str | int, ...]
RECORDED: dict[str, dict[str, Object]] = json.loads((DATA / "recorded.json").read_text(encoding="utf-8"))
CASES = sorted(RECORDED)


def pair(case: str) -> tuple[Object, Object]:
    """A manifest, and what is live."""
    return copy.deepcopy(RECORDED[case]["wanted"]), copy.deepcopy(RECORDED[case]["live"])


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of all values that are no container, and not empty."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        if value not in ("", False, 0):
            yield path
        return
    for step, child in children:
        yield from leaves(child, (*path, step))


def body_leaves(case: str) -> list[Path]:
    skipped = {"apiVersion", "kind"}
    identity = {("metadata", "name"), ("metadata", "namespace")}
    return [p for p in leaves(RECORDED[case]["wanted"]) if p[0] not in skipped and p not in identity]


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_object_is_as_wanted(case: str) -> None:
    wanted, live = pair(case)

    assert difference(wanted, live, FIELD_MANAGER) is None


@pytest.mark.parametrize("case", CASES)
def test_every_changed_value_is_seen(case: str) -> None:
    for path in body_leaves(case):
        wanted, live = pair(case)
        parent, last = at(wanted, path[:-1]), path[-1]
        parent[last] = "changed" if isinstance(parent[last], str) else 4711
        assert difference(wanted, live, FIELD_MANAGER), path


@pytest.mark.parametrize("case", CASES)
def test_every_value_that_is_no_longer_wanted_is_seen(case: str) -> None:
    """But for those that are the API server's default anyway, and the keys by which a list's items are matched."""
    for path in body_leaves(case):
        wanted, live = pair(case)
        parent, last = at(wanted, path[:-1]), path[-1]
        if isinstance(parent, list) or last in {"name", "uid", "mountPath", "containerPort", "port", "topologyKey"}:
            continue
        del parent[last]
        seen = difference(wanted, live, FIELD_MANAGER)
        harmless = {("type",), ("protocol",), ("targetPort",), ("rollingUpdate",)}
        assert seen or (path[-1],) in harmless, path


@pytest.mark.parametrize("case", [c for c in CASES if c.startswith("Deployment")])
def test_what_others_add_is_none_of_our_business(case: str) -> None:
    wanted, live = pair(case)
    assert "kubectl.kubernetes.io/restartedAt" in live["spec"]["template"]["metadata"]["annotations"]
    live["metadata"]["labels"]["theirs"] = "1"
    live["spec"]["template"]["spec"]["containers"].append({"name": "injected", "image": "x"})
    live["spec"]["template"]["spec"]["containers"][0]["env"].insert(0, {"name": "INJECTED", "value": "x"})

    assert difference(wanted, live, FIELD_MANAGER) is None


def _without(*path: str | int) -> Callable[[Object], None]:
    def edit(obj: Object) -> None:
        parent = at(obj, path[:-1])
        del parent[path[-1]]

    return edit


POD: Path = ("spec", "template", "spec")


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (_without(*POD, "containers", 1), "containers[name=side]"),
        (_without(*POD, "volumes", 4), "volumes[name=claim]"),
        (_without(*POD, "containers", 0, "env", 1), "env[name=EMPTY]"),
        (_without(*POD, "containers", 0, "volumeMounts", 1), "volumeMounts[mountPath=/mnt/models]"),
        (_without(*POD, "containers", 0, "ports", 1), "ports[containerPort=9500,protocol=TCP]"),
        (_without(*POD, "initContainers"), "initContainers"),
        (_without(*POD, "tolerations"), "tolerations"),
        (_without(*POD, "tolerations", 0, "key"), "tolerations[0].key (no longer wanted)"),
        (lambda o: at(o, (*POD, "containers", 0, "env")).reverse(), "env["),
    ],
)
@pytest.mark.parametrize("case", [c for c in CASES if c.startswith("Deployment")])
def test_items_and_blocks(case: str, edit: Callable[[Object], None], where: str) -> None:
    wanted, live = pair(case)
    edit(wanted)

    assert where in (difference(wanted, live, FIELD_MANAGER) or "nothing")


def test_an_object_that_we_never_applied_is_applied() -> None:
    wanted, live = pair("Deployment")
    live["metadata"]["managedFields"] = []

    assert difference(wanted, live, FIELD_MANAGER) == "metadata.managedFields (never applied by us)"


def test_true_is_not_one() -> None:
    wanted, live = pair("Service")
    wanted["spec"]["ports"][0]["port"] = live["spec"]["ports"][0]["port"] = 1
    live["spec"]["ports"][0]["port"] = True

    assert difference(wanted, live, FIELD_MANAGER)


class TestOverlay:
    """What server-side apply refuses is written as a whole, by the same rules."""

    def test_changes_what_is_wanted_and_keeps_what_others_wrote(self) -> None:
        wanted, live = pair("Deployment with duplicates")
        wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/server:2"
        live["metadata"]["labels"]["theirs"] = "1"
        written = overlay(live, wanted, ownedfields.owned_by(live, FIELD_MANAGER))

        pod = written["spec"]["template"]
        assert pod["spec"]["containers"][0]["image"] == "localhost/server:2"
        assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
        assert written["metadata"]["labels"] == {"app": "rich", "theirs": "1"}
        assert written["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
        assert [p["name"] for p in pod["spec"]["containers"][0]["ports"]] == ["http", "grpc", "metrics"]
        assert [e.get("value") for e in pod["spec"]["containers"][0]["env"] if e["name"] == "A"] == ["1", "2"]

    def test_takes_away_what_is_no_longer_wanted(self) -> None:
        wanted, live = pair("Deployment with duplicates")
        pod = wanted["spec"]["template"]["spec"]
        del pod["containers"][1], pod["tolerations"], pod["volumes"][4], pod["containers"][0]["lifecycle"]
        del wanted["spec"]["template"]["metadata"]["annotations"]
        live["spec"]["template"]["spec"]["containers"].append({"name": "injected", "image": "x"})
        written = overlay(live, wanted, ownedfields.owned_by(live, FIELD_MANAGER))

        result = written["spec"]["template"]["spec"]
        assert [c["name"] for c in result["containers"]] == ["main", "injected"]
        assert "tolerations" not in result
        assert "lifecycle" not in result["containers"][0]
        assert [v["name"] for v in result["volumes"]] == ["info", "model", "conf", "cm"]
        assert list(written["spec"]["template"]["metadata"]["annotations"]) == ["kubectl.kubernetes.io/restartedAt"]

    def test_a_value_without_owned_parts_is_replaced(self) -> None:
        wanted, live = pair("Deployment with duplicates")
        owned = ownedfields.owned_by(live, FIELD_MANAGER)
        reference = live["spec"]["template"]["spec"]["containers"][0]["env"][2]["valueFrom"]["secretKeyRef"]
        reference["optional"] = True
        assert "secretKeyRef.optional" in (difference(wanted, live, FIELD_MANAGER) or "")
        written = overlay(live, wanted, owned)

        env = written["spec"]["template"]["spec"]["containers"][0]["env"]
        assert env[2]["valueFrom"]["secretKeyRef"] == {"name": "s", "key": "k"}

    def test_a_duplicate_that_goes(self) -> None:
        wanted, live = pair("Deployment with duplicates")
        del wanted["spec"]["template"]["spec"]["containers"][0]["ports"][2]
        assert "ports" in (difference(wanted, live, FIELD_MANAGER) or "")
        written = overlay(live, wanted, ownedfields.owned_by(live, FIELD_MANAGER))

        assert [p["name"] for p in written["spec"]["template"]["spec"]["containers"][0]["ports"]] == ["http", "grpc"]

    @pytest.mark.parametrize("case", CASES)
    def test_writing_it_makes_the_object_as_wanted(self, case: str) -> None:
        wanted, live = pair(case)
        wanted["metadata"]["labels"]["more"] = "1"
        del wanted["spec"]["template" if "Deployment" in case else "type"]
        if "Deployment" in case:
            wanted["spec"]["template"] = RECORDED[case]["wanted"]["spec"]["template"]
        written = fake_fields.update(
            live, overlay(live, wanted, ownedfields.owned_by(live, FIELD_MANAGER)), FIELD_MANAGER
        )

        assert difference(wanted, written, FIELD_MANAGER) is None

    def test_duplicates_are_found_anywhere(self) -> None:
        assert keyedlists.has_duplicates(RECORDED["Deployment with duplicates"]["wanted"])
        assert not keyedlists.has_duplicates(RECORDED["Deployment"]["wanted"])
        assert not keyedlists.has_duplicates({"args": ["a", "a"], "env": [{"name": "a"}, {"name": "b"}]})


class TestMemory:
    """The guard against writing the same again and again."""

    def test_the_same_wish_for_an_unchanged_object(self) -> None:
        wanted, live = pair("Deployment")
        memory = Memory()
        assert not memory.is_fulfilled(wanted, live)
        memory.remember(wanted, live)
        later = copy.deepcopy(live)
        later["status"] = {"replicas": 5}
        later["metadata"]["resourceVersion"] = "999999"

        assert memory.is_fulfilled(wanted, later)

    def test_another_wish_or_another_object(self) -> None:
        wanted, live = pair("Deployment")
        memory = Memory()
        memory.remember(wanted, live)
        other, edited = copy.deepcopy(wanted), copy.deepcopy(live)
        other["spec"]["replicas"] = 7
        edited["spec"]["replicas"] = 7

        assert not memory.is_fulfilled(other, live)
        assert not memory.is_fulfilled(wanted, edited)
        memory.forget(live["metadata"]["uid"])
        assert not memory.is_fulfilled(wanted, live)
