"""The small values of the room: paths, waiting times, the store."""

import pytest

from seldon_core.kube import Resource, Store, key_of
from seldon_core.kube.backoff import Backoff
from seldon_core.kube.resources import DEPLOYMENTS, NAMESPACES, PODS

NS_PODS = "/api/v1/namespaces/ns/pods"


@pytest.mark.parametrize(
    ("resource", "where", "path"),
    [
        (PODS, {}, "/api/v1/pods"),
        (PODS, {"namespace": "ns"}, "/api/v1/namespaces/ns/pods"),
        (PODS, {"namespace": "ns", "name": "p", "subresource": "log"}, "/api/v1/namespaces/ns/pods/p/log"),
        (DEPLOYMENTS, {"namespace": "ns", "name": "d"}, "/apis/apps/v1/namespaces/ns/deployments/d"),
        (
            PODS,
            {"namespace": "ns", "name": "../../kube-system/secrets/x?y"},
            f"{NS_PODS}/..%2F..%2Fkube-system%2Fsecrets%2Fx%3Fy",
        ),
        (PODS, {"namespace": "ns", "name": ".."}, f"{NS_PODS}/%2E%2E"),
        (NAMESPACES, {"name": "ns"}, "/api/v1/namespaces/ns"),
    ],
)
def test_paths(resource: Resource, where: dict[str, str], path: str) -> None:
    assert resource.path(**where) == path


def test_names_of_a_kind() -> None:
    assert (DEPLOYMENTS.api_version, DEPLOYMENTS.rbac_name) == ("apps/v1", "deployments.apps")
    assert (PODS.api_version, PODS.rbac_name) == ("v1", "pods")


@pytest.mark.parametrize(("attempt", "longest"), [(0, 1.0), (1, 2.0), (3, 8.0), (10, 10.0), (1000, 10.0)])
def test_backoff_grows_to_its_bound_and_is_jittered(attempt: int, longest: float) -> None:
    latest = Backoff(first=1.0, longest=10.0, random=lambda: 0.0).delay(attempt)
    earliest = Backoff(first=1.0, longest=10.0, random=lambda: 0.999).delay(attempt)

    assert latest == longest
    assert longest / 2 <= earliest < longest


def test_store_replaces_and_removes() -> None:
    store = Store({"team": lambda obj: obj["teams"]})
    first = {"metadata": {"name": "a", "namespace": "ns"}, "teams": ["x", "y"]}
    second = {"metadata": {"name": "a", "namespace": "ns"}, "teams": ["y"]}

    assert store.put(first) is None
    assert store.put(second) is first
    assert store.by_index("team", "x") == []
    assert store.by_index("team", "y") == [second]
    assert store.get("a", "ns") is second
    assert store.all_keys() == [key_of(second)]
    assert store.remove(("ns", "a")) is second
    assert store.remove(("ns", "a")) is None
    assert (len(store), store.by_index("team", "y")) == (0, [])
