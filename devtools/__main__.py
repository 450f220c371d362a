"""`python3 -m devtools`: what scripts/ call. Errors that a person can mend are one message, not a traceback."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence

from . import (
    apiserver,
    cache,
    cluster,
    docker,
    forward,
    gateway,
    gobuild,
    images,
    objectstore,
    quickstart,
    registry,
    stores,
    suite,
)
from .progress import complain, say
from .shell import CommandFailedError, attached
from .venv import environment

E2E_CLUSTER = quickstart.TEST_CLUSTER
RELEASE_CLUSTER = quickstart.RELEASE_CLUSTER
NEEDS = (
    "helm",
    "policy",
    "audit",
    "apiserver",
    "stores",
    "images",
    "cluster",
    *gateway.GATEWAYS,
    "release-cluster",
    "registry",
)
"""In the order in which they are provided: what is quickest to fail comes first."""
EXPECTED = (
    cache.CacheError,
    CommandFailedError,
    docker.DockerMissingError,
    gateway.GatewayError,
    gobuild.GoMissingError,
    forward.PortTakenError,
    quickstart.QuickstartError,
    stores.NodeMissingError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands and return the exit status: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python3 -m devtools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    quickstart.add_arguments(
        commands.add_parser("quickstart", prog="scripts/quickstart", help="from nothing to a prediction")
    )
    built = commands.add_parser("images", help="build, load or push the product's images")
    built.add_argument("action", choices=["build", "load", "push", "list"])
    built.add_argument("registry", nargs="?", help="for push: registry and path, for example registry.example.org/team")
    built.add_argument("--full", action="store_true", help="also the initializer with all of rclone's backends")
    built.add_argument(
        "--examples", action="store_true", help="also those of the notebooks: stock rclone, kfserving's initializer"
    )
    built.add_argument("--cluster", default=quickstart.CLUSTER, help="for load: the kind cluster's name")
    with_need = commands.add_parser("run", help="run a command with what it needs in place")
    with_need.add_argument(
        "--need",
        type=_needs,
        required=True,
        metavar="NEED[,NEED ...]",
        help=f"what must be in place: {', '.join(NEEDS)}",
    )
    with_need.add_argument(
        "words", nargs=argparse.REMAINDER, help="-- COMMAND [ARG ...]; --keep among them keeps the cluster"
    )
    tested = commands.add_parser("test", help="run the test environments")
    tested.add_argument(
        "environments",
        nargs="*",
        choices=[*suite.ENVIRONMENTS, []],
        metavar="ENVIRONMENT",
        help=", ".join(suite.ENVIRONMENTS),
    )
    commands.add_parser("down", help="remove every cluster, image and process that was started here")
    commands.add_parser("lock", help="compile requirements/*.txt and images/*/requirements.txt anew")
    asked = parser.parse_args(arguments)
    try:
        return _carry_out(asked, parser)
    except EXPECTED as refused:
        complain(f"devtools: {refused}")
        return 1
    except KeyboardInterrupt:
        complain("devtools: interrupted; the same command goes on where this one stopped.")
        return 130


def _carry_out(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if asked.command == "quickstart":
        return quickstart.main(asked)
    if asked.command == "test":
        return suite.run_all(asked.environments)
    if asked.command == "down":
        with cache.exclusive():
            registry.down()
            quickstart.down([quickstart.CLUSTER, E2E_CLUSTER, RELEASE_CLUSTER])
        return 0
    if asked.command == "lock":
        from .locks import lock_all  # it reads pyproject's groups; nothing else needs it

        lock_all()
        return 0
    if asked.command == "images":
        return _images(asked, parser)
    return _run(
        asked.need, [word for word in asked.words if word != "--"] if asked.words[:1] != ["--"] else asked.words[1:]
    )


def _images(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    with cache.exclusive():
        if asked.action == "list":
            say("\n".join(images.names(with_tests=asked.examples, full=asked.full)))
        elif asked.action == "push":
            if not asked.registry:
                parser.error("images push needs the registry to push to, for example registry.example.org/team")
            if asked.examples:
                parser.error("--examples goes with build, list and load: people have images like these already.")
            images.push(asked.registry, full=asked.full)
        else:
            built = images.build(with_tests=asked.examples, full=asked.full)
            if asked.action == "load":
                cluster.load(cluster.up(asked.cluster), built)
    return 0


def _needs(text: str) -> tuple[str, ...]:
    """Read the comma list of `--need`."""
    asked = [word.strip() for word in text.split(",")]
    for word in asked:
        if word not in NEEDS:
            raise argparse.ArgumentTypeError(
                f"{word!r} is nothing that can be provided: choose from {', '.join(NEEDS)}"
            )
    if not gateway.GATEWAYS.keys().isdisjoint(asked):
        asked.append("cluster")
    if "registry" in asked:
        asked.append("release-cluster")
    return tuple(need for need in NEEDS if need in asked)


def _run(needs: tuple[str, ...], command: list[str]) -> int:
    """Have what the command needs, run it with the tools in its environment, and return its exit status."""
    keep = "--keep" in command or os.environ.get("SELDON_KEEP_CLUSTER") == "1"
    try:
        with cache.exclusive():
            provided: dict[str, str] = {}
            for need in needs:
                provided |= _provide(need)
            gobuild.drop_scratch()
        return attached(command, {**os.environ, **provided})
    finally:
        if not keep:
            _take_down(needs)


def _take_down(needs: tuple[str, ...]) -> None:
    """Remove what a command that has ended does not leave behind."""
    if "registry" in needs:
        registry.down()
    if "cluster" in needs:
        cluster.down(E2E_CLUSTER)
    if "release-cluster" in needs:
        cluster.down(RELEASE_CLUSTER)


def _provide(need: str) -> dict[str, str]:
    if need in gateway.GATEWAYS:
        return _provide_gateway(gateway.GATEWAYS[need])
    providers: dict[str, Callable[[], dict[str, str]]] = {
        "helm": _provide_helm,
        "policy": _provide_policy,
        "audit": lambda: {"PIP_AUDIT": str(environment("pip-audit") / "pip-audit")},
        "apiserver": apiserver.programs,
        "stores": stores.programs,
        "images": _provide_images,
        "cluster": _provide_cluster,
        "release-cluster": _provide_release_cluster,
        "registry": lambda: registry.up(RELEASE_CLUSTER).environment(),
    }
    return providers[need]()


def _provide_helm() -> dict[str, str]:
    programs = {"HELM": gobuild.HELM, "HELM4": gobuild.HELM4}
    return {variable: str(gobuild.build(recipe) / "helm") for variable, recipe in programs.items()}


def _provide_policy() -> dict[str, str]:
    score = gobuild.build(gobuild.KUBE_SCORE) / "kube-score"
    return {"CHECKOV": str(environment("checkov") / "checkov"), "KUBE_SCORE": str(score)}


def _provide_images() -> dict[str, str]:
    images.build(with_tests=True)
    # The reaper of testcontainers is an image of its own, which is not there without a registry.
    return {"MINIO_IMAGE": images.minio(), "TESTCONTAINERS_RYUK_DISABLED": "true"}


def _provide_cluster() -> dict[str, str]:
    running = _cluster()
    cluster.load(running, images.build(with_tests=True))
    objectstore.up(running)
    return running.environment()


@functools.cache
def _cluster() -> cluster.Cluster:
    """Have the tests' cluster, looked at once in a run."""
    return cluster.up(E2E_CLUSTER, host_port=_port_for_tests())


def _provide_gateway(wanted: gateway.Gateway) -> dict[str, str]:
    gateway.up(_cluster(), wanted)
    return {"E2E_GATEWAY": wanted.name, "E2E_GATEWAY_PORT": str(cluster.gateway_port(E2E_CLUSTER))}


def _provide_release_cluster() -> dict[str, str]:
    """A cluster of the release pipeline's own, with a gateway: it may be emptied without disturbing any test."""
    running = cluster.up(RELEASE_CLUSTER, host_port=forward.free_port())
    cluster.load(running, images.build(with_tests=False))
    objectstore.up(running)
    gateway.up(running, gateway.CONTOUR)
    told = {"E2E_GATEWAY": gateway.CONTOUR.name, "E2E_GATEWAY_PORT": str(cluster.gateway_port(RELEASE_CLUSTER))}
    return running.environment() | told


def _port_for_tests() -> int:
    """Return the users' port, or a free one where a quickstart or another program has it."""
    return forward.free_port() if forward.listens(quickstart.PORT) else quickstart.PORT


if __name__ == "__main__":
    sys.exit(main())
