"""Fixtures and options of the end-to-end tests; docs/e2e.md tells how to run them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from tests.e2e.harness import evidence, gateways, timeouts, workers
from tests.e2e.harness.cluster import Cluster
from tests.e2e.harness.release import DEFAULT, PROFILES, Release
from tests.e2e.harness.session import Session, evidence_namespaces
from tests.e2e.harness.turns import Turns
from tests.e2e.harness.workspace import Workspace

T = TypeVar("T")

CLUSTER: pytest.StashKey[Cluster] = pytest.StashKey()
WORKSPACE: pytest.StashKey[Workspace] = pytest.StashKey()
LOADS: pytest.StashKey[list[str]] = pytest.StashKey()
# A model whose server does the orchestrator's work asks for its initializer's 100m, twice while its pods roll.
CPUS = 0.3
# Modules whose tests share a namespace: one worker runs all of them.
TOGETHER = ("test_graphs.py", "test_graphs_v2.py", "test_observing.py", "test_stores.py")


class KubeCluster(Protocol):
    """What is used of the cluster that pytest-helm-charts' fixture gives."""

    kube_config_path: str | None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("e2e").addoption(
        "--keep",
        action="store_true",
        help="Keep the tests' namespaces and the release after the run: the inner loop against a kept cluster.",
    )


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "release_profile(name): the chart values that the test needs, a profile of harness/release.py",
        "pod_security(level): the Pod Security level that the test's namespace enforces; restricted where not given",
        "ingress: what is tested is the way through the gateway; tox -e e2e-istio runs these alone",
        "cpus(number): what the test's pods ask for at its height, old and new ones together; 0.3 where not given",
        "long(seconds): the test takes so long that it should begin early",
        "alone: the test changes the release, or measures what others would disturb; no other runs beside it",
    ):
        config.addinivalue_line("markers", line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests profile by profile, so that the release is upgraded as seldom as can be.

    Within a profile those that are alone come first, so that the other worker does not go on to the next profile
    meanwhile; then those that take longest, so that two workers end together.
    """
    order = list(PROFILES)

    def place(item: pytest.Item) -> tuple[int, bool, float]:
        profile = order.index(_argument(item, "release_profile", DEFAULT.name))
        return profile, item.get_closest_marker("alone") is None, -_argument(item, "long", 0.0)

    items.sort(key=place)
    for item in items:
        shares = "shared_workspace" in getattr(item, "fixturenames", ())
        if shares and item.path.name not in TOGETHER:
            raise pytest.UsageError(f"{item.path.name} has tests that share a namespace: name it in TOGETHER.")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means."""
    return workers.wanted(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who gives tests to workers."""
    return workers.scheduler(config, log, TOGETHER)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker has to say of its loads."""
    node.config.stash.setdefault(LOADS, []).extend(workers.told(node))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say it, where this process is a worker."""
    workers.tell(session.config, session.config.stash.get(LOADS, []))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Write the evidence of a failure down while the namespace is still there, and tell where it lies."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    cluster, workspace = _stashed(item, CLUSTER), _stashed(item, WORKSPACE)
    if report.failed and report.when != "teardown" and cluster is not None:
        folder = evidence.folder_of(item.nodeid)
        summary = evidence.collect(cluster, evidence_namespaces(workspace), folder)
        again = f"Run it again and keep its namespace: tox -e e2e -- -k '{item.name}' --keep"
        report.sections.append(("evidence", f"{summary}\nEverything: {folder.resolve()}\n{again}"))
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell how many requests ran while things changed, and how many were lost."""
    if loads := config.stash.get(LOADS, []):
        terminalreporter.section("requests under load")
        terminalreporter.write_line("\n".join(loads))


@pytest.fixture(scope="session")
def session(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """This run of the suite, as one worker has it."""
    current = Session(
        timeouts=timeouts.load(os.environ),
        gateway=gateways.chosen(os.environ),
        keep=pytestconfig.getoption("keep"),
        scratch=tmp_path_factory.mktemp("e2e"),
        turns=Turns(workers.folder(tmp_path_factory.getbasetemp())),
        run=os.environ.get(workers.RUN_ENV) or secrets.token_hex(8),
    )
    pytestconfig.stash[LOADS] = current.loads
    yield current
    current.end()


@pytest.fixture(scope="module")
def cluster(kube_cluster: KubeCluster, session: Session) -> Cluster:
    """The cluster under test."""
    return session.cluster(Path(kube_cluster.kube_config_path or ""))


@pytest.fixture
def release(request: pytest.FixtureRequest, cluster: Cluster, chart_path: str, session: Session) -> Iterator[Release]:
    """The chart under test, installed with the values of the test's profile."""
    request.node.stash[CLUSTER] = cluster
    profile = PROFILES[_argument(request.node, "release_profile", DEFAULT.name)]
    alone = request.node.get_closest_marker("alone") is not None
    with session.release(cluster, Path(chart_path), profile, alone=alone) as found:
        yield found


@pytest.fixture
def workspace(
    request: pytest.FixtureRequest, release: Release, cluster: Cluster, session: Session
) -> Iterator[Workspace]:
    """A namespace of the test's own, opened when the node has room for the test's models."""
    opened = _opened(session, cluster, request.node, request.node.nodeid)
    yield opened
    session.close(opened)


@pytest.fixture(scope="module")
def shared_workspace(
    request: pytest.FixtureRequest, cluster: Cluster, chart_path: str, session: Session
) -> Iterator[Workspace]:
    """A namespace that the tests of a module share, for deployments that take longer to come than to ask.

    The module's own marks count, as a test's do for `workspace`.
    """
    module = request.node
    module.stash[CLUSTER] = cluster
    profile = PROFILES[_argument(module, "release_profile", DEFAULT.name)]
    with session.release(cluster, Path(chart_path), profile, alone=False):
        opened = _opened(session, cluster, module, f"{module.nodeid}::{module.path.stem}")
        yield opened
        session.close(opened)


def _opened(session: Session, cluster: Cluster, node: pytest.Item | pytest.Module, name: str) -> Workspace:
    """A new namespace, known by a node's id, of which a failure of the node's tests tells."""
    enforce, cpus = _argument(node, "pod_security", "restricted"), _argument(node, "cpus", CPUS)
    opened = session.open(cluster, name, enforce=enforce, cpus=cpus)
    node.stash[WORKSPACE] = opened
    return opened


def _stashed(item: pytest.Item, key: pytest.StashKey[T]) -> T | None:
    """What the test has, or its module."""
    module = item.getparent(pytest.Module)
    shared = module.stash.get(key, None) if module is not None else None
    return item.stash.get(key, shared)


def _argument(item: pytest.Item | pytest.Module, marker: str, default: T) -> T:
    """The one argument of a test's marker, `default` where the test has none."""
    found = item.get_closest_marker(marker)
    if found is None:
        return default
    value: T = found.args[0]
    return value
