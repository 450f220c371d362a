"""From a machine with nothing to a prediction, and back to a machine with nothing.

Every step looks first whether its result is there already, so an interrupted run goes on where it stopped and a
second run is short.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import cache, cluster, docker, forward, gateway, gobuild, images, objectstore
from .nodeimage import BASE, BUILT
from .paths import ROOT, cache_dir, state_dir
from .progress import say, step
from .shell import CommandFailedError, output, run

CLUSTER = "seldon"
TEST_CLUSTER = "seldon-e2e"
RELEASE_CLUSTER = "seldon-release"
PORT = 8003
NAMESPACE = "seldon"
SYSTEM_NAMESPACE = "seldon-system"
RELEASE = "seldon-core"
MODEL = "sklearn-iris"
CHART = ROOT / "charts" / "seldon-core-operator"
MANIFEST = ROOT / "devtools" / "manifests" / "iris.yaml"
REQUEST = '{"data":{"ndarray":[[5.964, 4.006, 2.081, 1.031]]}}'
EXPECTED_CLASSES = 3
ROUTE_SECONDS = 15
"""How long a gateway may take from a route to its first request, and a node from a ready pod to its Service."""


class QuickstartError(Exception):
    """The quickstart cannot go on; the text says what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a person can say to scripts/quickstart."""
    parser.description = (
        "Bring up kind, MinIO and the chart, deploy the iris model, and ask it for a prediction with curl."
    )
    parser.add_argument("--port", type=int, default=PORT, help="local port of the prediction (default: %(default)s)")
    parser.add_argument(
        "--down", action="store_true", help="remove the cluster, the images and every process that this started"
    )
    parser.add_argument("--purge", action="store_true", help="with --down: remove the cache of built things, too")


def main(asked: argparse.Namespace) -> int:
    """Run the quickstart, or take everything down. Raises QuickstartError, CommandFailedError, PortTakenError."""
    if asked.purge and not asked.down:
        raise QuickstartError("--purge goes with --down.")
    if asked.down:
        with cache.exclusive():
            down([CLUSTER])
        if asked.purge:
            cache.purge()
        return 0
    _check_port(asked.port)
    if shutil.which("curl") is None:
        docker.install_packages(["curl"])
    with cache.exclusive():
        running = cluster.up(CLUSTER, host_port=asked.port)
        loaded = cluster.load(running, images.build(with_tests=False))
        objectstore.up(running)
        gateway.up(running, gateway.CONTOUR)
        gobuild.drop_scratch()
    install(running, restart=images.tag("operator") in loaded)
    deploy(running)
    _predict(running, asked.port)
    return 0


def _check_port(port: int) -> None:
    """Refuse a port that is none, that is taken, or that is not the one of the cluster which runs already."""
    mapped = cluster.gateway_port(CLUSTER) if docker.answers() else None
    if mapped is None:
        forward.check_port(port)
    elif mapped != port:
        raise QuickstartError(
            f"cluster {CLUSTER} runs already, behind port {mapped}: say --port {mapped}, or first "
            "`scripts/quickstart --down`."
        )


def install(running: cluster.Cluster, *, restart: bool) -> None:
    """Install or upgrade the chart; `restart` where the controller's image has new content under its old name.

    Raises QuickstartError.
    """
    words = [
        "upgrade",
        "--install",
        RELEASE,
        str(CHART),
        "--namespace",
        SYSTEM_NAMESPACE,
        "--create-namespace",
        "--wait",
        "--timeout",
        "180s",
        # A node of 2 CPUs has room for a few models to play with, and for the second pod of an update.
        "--set",
        "executor.resources.cpuRequest=50m",
        *(word for value in gateway.CONTOUR.values for word in ("--set", value)),
    ]
    deployment = ("deployment/seldon-controller-manager", "--namespace", SYSTEM_NAMESPACE)
    with step(f"installing the chart as release {RELEASE}"):
        restart = restart and bool(running.kubectl("get", *deployment, "--ignore-not-found"))
        try:
            run([running.tools.helm, "--kubeconfig", running.kubeconfig, *words], timeout=240)
        except CommandFailedError as failed:
            seen = running.kubectl("get", "pods,events", "--namespace", SYSTEM_NAMESPACE)
            raise QuickstartError(f"{failed}\n\n{seen}") from failed
        if restart:
            running.kubectl("rollout", "restart", *deployment)
            running.kubectl("rollout", "status", *deployment, "--timeout=120s")


def deploy(running: cluster.Cluster) -> None:
    """Have the iris model in its namespace, ready to be asked. Raises QuickstartError, CommandFailedError."""
    with step(f"applying {MANIFEST.relative_to(ROOT)} and waiting for the model"):
        namespace = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        running.kubectl("apply", "--server-side", "--filename", "-", stdin=namespace)
        _apply(running)
        try:
            running.kubectl(
                "wait",
                "--namespace",
                NAMESPACE,
                f"sdep/{MODEL}",
                "--for=jsonpath={.status.state}=Available",
                "--timeout=120s",
            )
        except CommandFailedError as failed:
            path = "jsonpath={.status.state}: {.status.description}"
            said = running.kubectl("get", "sdep", MODEL, "--namespace", NAMESPACE, "--output", path)
            raise QuickstartError(f"the model did not become available. Its status says: {said}") from failed


def _apply(running: cluster.Cluster) -> None:
    """Apply the model, again where the node's rules do not lead to the webhook's new pod yet."""
    _patiently(
        lambda: running.kubectl("apply", "--namespace", NAMESPACE, "--filename", str(MANIFEST)),
        lambda failed: "failed calling webhook" in str(failed),
    )


def _patiently(attempt: Callable[[], str], passes: Callable[[CommandFailedError], bool] = lambda _: True) -> str:
    """What an attempt prints; it is made again for ROUTE_SECONDS, after failures that pass. Raises the last failure."""
    deadline = time.monotonic() + ROUTE_SECONDS
    while True:
        try:
            return attempt()
        except CommandFailedError as failed:
            if not passes(failed) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _predict(running: cluster.Cluster, port: int) -> None:
    url = f"http://localhost:{port}/seldon/{NAMESPACE}/{MODEL}/api/v1.0/predictions"
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail-with-body",
        "-X",
        "POST",
        "-H",
        "Content-Type: application/json",
        "-d",
        REQUEST,
        url,
    ]
    answer = _patiently(lambda: output(command))  # the gateway may not have heard of the new route yet
    try:
        probabilities = json.loads(answer)["data"]["ndarray"][0]
    except (ValueError, LookupError, TypeError) as strange:
        raise QuickstartError(f"{url} answered something that is no prediction: {answer[:500]}") from strange
    if len(probabilities) != EXPECTED_CLASSES:
        raise QuickstartError(
            f"the prediction has {len(probabilities)} classes instead of {EXPECTED_CLASSES}: {answer[:500]}"
        )
    say("")
    say(f"$ {shlex.join(command)}")
    say(answer)
    say("")
    say("Go on with:")
    say(f"  export KUBECONFIG={running.kubeconfig}")
    say(f"  export PATH={running.tools.kubectl.parent}:{running.tools.helm.parent}:$PATH")
    say(f"  kubectl get sdep --namespace {NAMESPACE}")
    say("  scripts/quickstart --down")


def down(names: Sequence[str]) -> None:
    """Remove clusters of those names and, with the last cluster of ours, images, daemon and state.

    Raises DockerMissingError where a daemon runs that this user may not talk to.
    """
    docker.check_allowed()
    if docker.answers():
        for name in names:
            cluster.down(name)
        left = [name for name in cluster.names() if name in (CLUSTER, TEST_CLUSTER, RELEASE_CLUSTER)]
        if left:
            say(f"cluster {left[0]} of the tests stays, and the images with it: `python3 -m devtools down` removes it.")
            return
        _remove_images()
    docker.stop()
    shutil.rmtree(state_dir(), ignore_errors=True)
    kept = cache_dir()
    if kept.exists():
        say(
            f"removed. {_size(kept)} of built things stay in {kept} for the next time; "
            "`scripts/quickstart --down --purge` removes them, too."
        )


def _remove_images() -> None:
    listed = output(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).split()
    prefixes = (f"{images.REPOSITORY}/", BASE.rsplit("/", 1)[0], BUILT.rsplit("/", 1)[0])
    ours = [name for name in listed if name.startswith(prefixes)]
    if ours:
        with step(f"removing {len(ours)} images"):
            run(["docker", "rmi", "--force", *ours])
            # Images whose name has moved on to a newer one, and the first stages of builds. Nobody else's.
            for label in (docker.KEY_LABEL, docker.STAGE_LABEL):
                run(["docker", "image", "prune", "--force", "--filter", f"label={label}"])


def _size(folder: Path) -> str:
    return output(["du", "--summarize", "--human-readable", str(folder)]).split()[0]
