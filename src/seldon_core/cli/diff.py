"""`seldonctl diff`: what an apply, or other chart values, would change in the cluster, and which pods would roll."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from seldon_core.kube import Object, key_of
from seldon_core.kube.resources import Key

from . import changed, cluster, files, installation, manifests, sources, values
from .applying import applied
from .changed import Outcome
from .cluster import Cluster
from .diffing import Differ, Subject
from .errors import CommandError

_DESCRIPTION = """\
Show what would change in the cluster, and write nothing:
  seldonctl diff -f FILE...                      if these SeldonDeployments were applied
  seldonctl diff [--all] --set KEY=VALUE ...     if the chart were upgraded to these values
  seldonctl diff [--all]                         if the controller of this version took over

For each object: whether it is created, updated, made anew or deleted, the fields that change (never secret values),
and which pods would be replaced, and why. The values in force are read from the cluster; --values and --set are laid
over them.

exit status:
  0  nothing would change
  1  something would
  2  wrong usage, the cluster cannot be asked, or a SeldonDeployment would be refused
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    sources.add_option(parser, required=False)
    cluster.add_options(parser, namespace="namespace to look at, and of manifests that name none")
    parser.add_argument(
        "-A", "--all", "--all-namespaces", dest="all", action="store_true", help="look at all namespaces"
    )
    values.add_options(parser)
    parser.add_argument(
        "--chart",
        metavar="CHART",
        help="start from the values of this chart (a folder or .tgz) in place of those in force, as helm upgrade "
        "--reset-values does",
    )
    parser.add_argument("--controller-namespace", metavar="NS", help="where the controller is, if there are several")
    parser.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text", help="default: text")
    parser.set_defaults(run=run, error_status=2)


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; returns the exit status."""
    if arguments.filename and arguments.all:
        raise CommandError("-f says which SeldonDeployments: leave --all out.")
    if arguments.all and arguments.namespace:
        raise CommandError("--all looks at all namespaces: leave --namespace out.")
    found = manifests.read(arguments) if arguments.filename else []
    base = installation.chart_values(arguments.chart) if arguments.chart else None
    given = values.given(arguments)
    return cluster.run(arguments, lambda connected: _diff(arguments, connected, found, base, given))


async def _diff(
    arguments: argparse.Namespace,
    connected: Cluster,
    found: Sequence[manifests.Source],
    base: Mapping[str, Any] | None,
    given: Mapping[str, Any],
) -> int:
    target = None if arguments.all else connected.namespace
    installed = await installation.find(connected.client, asked=arguments.controller_namespace, target=target)
    new_values, config = installed.config(base, given)
    differ = Differ(connected.client, new_values, config)
    if installed.note and base is None:
        differ.notes.append(installed.note)
    subjects = []
    for subject in await (_of_files(found, connected) if found else _of_cluster(connected, target)):
        if installation.serves(new_values, installed, subject.after):
            subjects.append(subject)
        else:
            differ.notes.append(f"{'/'.join(subject.key)} is left out: another controller serves it.")
    outcomes = await differ.outcomes(subjects, everywhere=arguments.all)
    _print(arguments.output, outcomes, new_values.manager.rollout.max_concurrent)
    problems = [f"{each.namespace}/{each.name}: {problem}" for each in outcomes for problem in each.problems]
    for sentence in (*dict.fromkeys(differ.notes), *problems):
        print(sentence, file=sys.stderr)
    if problems:
        return 2
    return 1 if any(each.differs for each in outcomes) else 0


async def _of_cluster(connected: Cluster, namespace: str | None) -> list[Subject]:
    found = await connected.seldon_deployments(namespace)
    # What is being deleted is left alone by the controller.
    return [Subject(each, each) for each in found if not each["metadata"].get("deletionTimestamp")]


async def _of_files(found: Sequence[manifests.Source], connected: Cluster) -> list[Subject]:
    """The manifests as they would be stored, each over its live object."""
    subjects: dict[Key, Subject] = {}
    live: dict[str, dict[Key, Object]] = {}
    for source in found:
        sdep = manifests.typed(source)
        namespace = sdep.metadata.namespace or connected.namespace
        if namespace not in live:
            there = await connected.seldon_deployments(namespace)
            live[namespace] = {key_of(each): each for each in there}
        key = (namespace, sdep.metadata.name)
        manifest = {**source.manifest, "metadata": {**source.manifest["metadata"], "namespace": namespace}}
        subjects[key] = Subject(live[namespace].get(key), applied(live[namespace].get(key), manifest))
    return list(subjects.values())


def _print(form: str, outcomes: Sequence[Outcome], at_a_time: int) -> None:
    if form == "text":
        sys.stdout.write(changed.text(outcomes, at_a_time=at_a_time))
        return
    plain = {"items": msgspec.to_builtins(outcomes)}
    sys.stdout.write(json.dumps(plain, indent=2) + "\n" if form == "json" else files.dump([plain]))
