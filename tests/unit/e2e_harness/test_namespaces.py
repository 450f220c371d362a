from __future__ import annotations

import re

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


def test_namespaces_on_their_way_out_do_not_count_as_living() -> None:
    going = {"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}

    assert list(namespaces.living([going, {"metadata": {"name": "b"}}])) == ["b"]
