from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.harness import namespaces

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def test_the_name_tells_the_test() -> None:
    name = namespaces.name_of("tests/e2e/test_credentials.py::test_b_service_account[serving.kubeflow.org]", "run")

    assert re.fullmatch(r"e2e-b-service-account-serving-kubeflow-org-[0-9a-f]{8}", name)


@given(node=st.text(max_size=300), run=st.text(max_size=20))
def test_every_name_is_a_label_of_a_domain_name(node: str, run: str) -> None:
    assert LABEL.fullmatch(namespaces.name_of(node, run))


def test_tests_and_runs_do_not_share_a_name() -> None:
    long = "t.py::test_" + "x" * 100
    names = {namespaces.name_of(node, run) for node in (f"{long}a", f"{long}b", "other.py::test_a") for run in "12"}

    assert len(names) == 6


def test_the_namespace_enforces_its_level_and_is_found_again() -> None:
    made = namespaces.manifest("e2e-x", "t.py::test_x", "restricted")

    labels = made["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels[namespaces.OURS] == namespaces.SUITE
    assert labels[namespaces.TEST_LABEL] == namespaces.digest("t.py::test_x")


def test_the_namespaces_of_this_run_are_not_swept() -> None:
    made = namespaces.manifest("e2e-x", "t.py::test_x", "restricted", "this")
    cluster = Labelled([made])

    namespaces.sweep(cluster, "this")  # type: ignore[arg-type] # what is asked of it is there
    namespaces.sweep(cluster, "this", node="t.py::test_x")  # type: ignore[arg-type]
    namespaces.sweep(cluster, "other", node="t.py::test_y")  # type: ignore[arg-type]
    assert cluster.deleted == []
    namespaces.sweep(cluster, "other", node="t.py::test_x")  # type: ignore[arg-type]
    assert cluster.deleted == ["e2e-x"]


class Labelled:
    """A cluster of namespaces that knows selectors with `=` and `!=`."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found = found
        self.deleted: list[str] = []

    def objects(self, api_version: str, kind: str, *, labels: str) -> list[dict[str, Any]]:
        assert (api_version, kind) == ("v1", "Namespace")

        def fits(term: str, held: dict[str, str]) -> bool:
            key, operator, value = re.fullmatch(r"([^!=]+)(!?=)(.*)", term).groups()  # type: ignore[union-attr]
            return (held.get(key) == value) == (operator == "=")

        return [each for each in self._found if all(fits(t, each["metadata"]["labels"]) for t in labels.split(","))]

    def delete(self, api_version: str, kind: str, name: str) -> None:
        assert (api_version, kind) == ("v1", "Namespace")
        self.deleted.append(name)

    def end_pods(self, namespace: str, *, grace_seconds: int) -> None:
        assert (namespace, grace_seconds) == (self.deleted[-1], namespaces.GRACE_SECONDS)


def test_namespaces_on_their_way_out_do_not_count_as_living() -> None:
    going = {"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}

    assert list(namespaces.living([going, {"metadata": {"name": "b"}}])) == ["b"]
