"""`seldonctl rollout`: have pods replaced that a former controller made, or hold a SeldonDeployment's pods as they are.

It only says what is wanted, in an annotation of the SeldonDeployment: the controller replaces the pods, as many
SeldonDeployments at a time as its values allow, and says in condition `RolledOut` how far it is.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from seldon_core.kube import Object, key_of
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import DEPLOYMENTS
from seldon_core.operator.objects import takeover
from seldon_core.operator.objects.kinds import MANAGED_SELECTOR, SELDON_DEPLOYMENTS
from seldon_core.operator.objects.ownership import controller_of
from seldon_core.operator.rollout.request import ANNOTATION, PAUSED, request_of, value_at

from . import cluster, rolling
from .cluster import Cluster
from .duration import seconds
from .errors import CommandError

_DESCRIPTION = """\
Replace pods that Seldon Core 1.17.1, or an older release, made, by pods of this version. Each Deployment is rolled
once, old pods serving until the new ones are ready; SeldonDeployments take turns (value manager.rollout.maxConcurrent).
  seldonctl rollout NAME...       these
  seldonctl rollout --all         all of the namespace; with -A of the cluster
  seldonctl rollout NAME --pause  hold the pods as they are, whatever changes, until --resume

exit status:
  0  the pods are of this version and serve (with --no-wait: the rollout is asked for)
  1  a rollout stopped, or was not over in time
  2  wrong usage, or the cluster cannot be asked
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="SeldonDeployments")
    parser.add_argument("--all", action="store_true", help="all SeldonDeployments of the namespace")
    cluster.add_options(parser, namespace="namespace of the SeldonDeployments")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="with --all: of all namespaces")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pause", action="store_true", help="hold the pods as they are")
    what.add_argument("--resume", action="store_true", help="end a pause")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until the pods are replaced")
    parser.add_argument(
        "--timeout", type=seconds, default=1800.0, metavar="TIME", help="how long to wait, such as 90s or 5m "
        "(default: 30m)"
    )  # fmt: skip
    parser.set_defaults(run=run, error_status=2)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and wait; returns the exit status."""
    if bool(arguments.names) == arguments.all:
        raise CommandError("Say which SeldonDeployments: seldonctl rollout NAME..., or seldonctl rollout --all.")
    if arguments.all_namespaces and (arguments.names or arguments.namespace):
        raise CommandError("-A goes with --all alone, and without --namespace.")
    return cluster.run(arguments, lambda connected: _rollout(arguments, connected))


async def _rollout(arguments: argparse.Namespace, connected: Cluster) -> int:
    namespace = None if arguments.all_namespaces else connected.namespace
    chosen = await connected.named(namespace, arguments.names)
    if arguments.pause or arguments.resume:
        return await _annotate_all(connected, chosen, PAUSED if arguments.pause else None)
    kept = await _kept(connected, namespace)
    asked: list[Object] = []
    for sdep in chosen:
        named, request = rolling.title(sdep), request_of(sdep["metadata"].get("annotations") or {})
        if request.holds:
            raise CommandError(f"{named} is paused: seldonctl rollout {sdep['metadata']['name']} --resume ends that.")
        if deployments := kept.get(sdep["metadata"]["uid"]):
            asked.append(await _annotate(connected, sdep, value_at(_after(deployments))))
            print(f"{named}: asked for a rollout", file=sys.stderr)
        elif arguments.names:
            print(f"{named}: no former controller made its pods", file=sys.stderr)
    if arguments.no_wait or not asked:
        return 0
    return await rolling.wait(connected.client, asked, namespace, seconds=arguments.timeout)


async def _kept(connected: Cluster, namespace: str | None) -> Mapping[str, list[Object]]:
    """Deployments whose pods a former controller made, by the uid of their SeldonDeployment."""
    listed = await connected.client.list(Selection(DEPLOYMENTS, namespace, labels=MANAGED_SELECTOR))
    found: dict[str, list[Object]] = {}
    for deployment in listed.items:
        owner = controller_of(deployment)
        if owner and takeover.made_elsewhere(deployment):
            found.setdefault(owner["uid"], []).append(deployment)
    return found


def _after(deployments: Sequence[Object]) -> datetime:
    """Now; or the time of the pods, where the clock of the cluster is ahead of ours."""
    written = [time for each in deployments if (time := takeover.written_at(each))]
    return max([datetime.now(UTC), *written])


async def _annotate_all(connected: Cluster, chosen: Sequence[Object], value: str | None) -> int:
    for sdep in chosen:
        before = (sdep["metadata"].get("annotations") or {}).get(ANNOTATION)
        if value is None and before != PAUSED:
            print(f"{rolling.title(sdep)}: is not paused", file=sys.stderr)
            continue
        await _annotate(connected, sdep, value)
        print(f"{rolling.title(sdep)}: {'paused' if value else 'resumed'}", file=sys.stderr)
    return 0


async def _annotate(connected: Cluster, sdep: Object, value: str | None) -> Object:
    namespace, name = key_of(sdep)
    patch: dict[str, Any] = {"metadata": {"uid": sdep["metadata"]["uid"], "annotations": {ANNOTATION: value}}}
    return await connected.client.patch(SELDON_DEPLOYMENTS, name, patch, namespace)
