"""Whether the chart renders validly on every supported Kubernetes, with every switch, and can be upgraded to."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate

from release.asking import Answer, Questions
from release.helm import HELM4, KUBERNETES, NEWEST, HelmRefusedError, label, objects, template
from release.outcome import Outcome
from release.removed_apis import removed_in
from release.stage import Chart, Context
from release.value_sets import OURS, ValueSet, value_sets

ELSEWHERE = ("cert-manager.io/",)
"""API groups of others, whose schemas Kubernetes does not have."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
MERGE_KEYS = {
    "env": "name",
    "volumes": "name",
    "containers": "name",
    "initContainers": "name",
    "volumeMounts": "mountPath",
}
"""Lists that server-side apply takes for mappings: a name that comes twice is an error of Helm 4."""


class Render:
    """The stage `render`."""

    name = "render"
    title = "Does it render validly on every Kubernetes, and can it be upgraded to?"
    needs = ("helm",)
    after = ("lint",)

    def inputs(self, _context: Context) -> Iterable[Path]:
        """The sets of values."""
        return (OURS,)

    def run(self, context: Context) -> Outcome:
        """Render each set of values on each Kubernetes and look at every object."""
        questions = Questions()
        sets = value_sets(context)
        looked = 0
        for version in KUBERNETES:
            with questions.ask(f"objects are valid on Kubernetes {version}, {len(sets)} sets of values") as answer:
                for each in sets:
                    looked += _valid(context.chart, each, version, answer)
        with questions.ask("rendered again, the same bytes; by Helm 4, the same objects") as answer:
            for each in sets:
                _same(context.chart, each, answer)
        with questions.ask("nothing is rendered that another actor writes, nothing twice in one list") as answer:
            for each in sets:
                for item in _objects(context.chart, each):
                    _ownership(item, each, answer)
        with questions.ask("fields that cannot change are those of the previous chart") as answer:
            if context.previous is None:
                answer.warning("--previous", "no previous chart was found, so nothing could be compared", "name one")
            else:
                for each in sets:
                    _immutable(context.chart, context.previous, each, answer)
        return Outcome(questions.checks, figures={"objects looked at": looked, "sets of values": len(sets)})


def _valid(chart: Chart, values: ValueSet, version: str, answer: Answer) -> int:
    # A chart that never asks about the cluster renders the same for each: then one rendering is judged by each version.
    rendered_for = version if not values.files or _asks_about_the_cluster(chart.folder) else NEWEST
    try:
        found = objects(template(chart.folder, values.files, version=rendered_for))
    except HelmRefusedError as refused:
        answer.blocker(f"chart with {values.name}", str(refused))
        return 0
    for item in found:
        api, kind = item["apiVersion"], item["kind"]
        gone = removed_in(api, kind, version)
        if gone:
            answer.blocker(label(item), f"{api} {kind} was removed in Kubernetes {gone}")
        elif not api.startswith(ELSEWHERE):
            fault = _fault(json.dumps(item, default=str), version)
            if fault:
                answer.blocker(f"{label(item)} with {values.name}", fault)
    if not found:
        answer.blocker(f"chart with {values.name}", "nothing is rendered")
    return len(found)


@functools.cache
def _asks_about_the_cluster(chart: Path) -> bool:
    return any(b"Capabilities" in file.read_bytes() for file in chart.rglob("*") if file.is_file())


@functools.cache
def _fault(text: str, version: str) -> str:
    """Say what Kubernetes would object to. Most objects are the same with all values: each is judged once."""
    item: dict[str, Any] = json.loads(text)
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.ValidationError as wrong:
        return f"{'.'.join(map(str, wrong.path))}: {wrong.message[:300]}".lstrip(": ")
    except kubernetes_validate.SchemaNotFoundError:
        return f"Kubernetes has no {item['apiVersion']} {item['kind']}"
    return ""


def _objects(chart: Chart, values: ValueSet) -> tuple[dict[str, Any], ...]:
    """Return the objects on the newest Kubernetes; none where Helm refuses, which is said elsewhere."""
    try:
        return objects(template(chart.folder, values.files))
    except HelmRefusedError:
        return ()


def _same(chart: Chart, values: ValueSet, answer: Answer) -> None:
    try:
        first = template(chart.folder, values.files)
        again = template(chart.folder, values.files, anew=True)
        by_helm4 = objects(template(chart.folder, values.files, program=HELM4))
    except HelmRefusedError as refused:
        answer.blocker(f"chart with {values.name}", str(refused))
        return
    if first != again:
        lines = [one for one, other in zip(first.splitlines(), again.splitlines(), strict=False) if one != other]
        answer.blocker(
            f"chart with {values.name}",
            f"rendering it again gives something else: {(lines or ['other lines'])[0].strip()[:120]}",
            "every upgrade would change objects that nobody changed",
        )
        return
    one, other = ({label(item): item for item in found} for found in (objects(first), by_helm4))
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            answer.blocker(f"{name} with {values.name}", "Helm 4 renders something else than Helm 3")


def _ownership(item: dict[str, Any], values: ValueSet, answer: Answer) -> None:
    for webhook in item.get("webhooks") or ():
        if "caBundle" in webhook.get("clientConfig", {}):
            answer.blocker(f"{label(item)} with {values.name}", "renders caBundle, which the controller writes")
    for path, key, names in _lists(item, ()):
        twice = sorted({name for name in names if names.count(name) > 1})
        for name in twice:
            answer.blocker(f"{label(item)} with {values.name}", f"{path} has {key} {name} more than once")


def _lists(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, list[str]]]:
    if isinstance(node, dict):
        for name, value in node.items():
            key = MERGE_KEYS.get(name)
            if key and isinstance(value, list) and all(isinstance(each, dict) for each in value):
                yield ".".join((*path, name)), key, [str(each.get(key)) for each in value]
            yield from _lists(value, (*path, str(name)))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _lists(value, (*path, str(number)))


def _immutable(chart: Chart, previous: Chart, values: ValueSet, answer: Answer) -> None:
    try:
        old = {label(item): item for item in objects(template(previous.folder, values.files))}
    except HelmRefusedError:
        old = {}  # it has not all of today's values
    new = {label(item): item for item in _objects(chart, values)}
    if not values.files and not old:
        answer.warning(f"previous chart {previous.version}", f"does not render on Kubernetes {NEWEST}")
    for name in sorted(old.keys() & new.keys()):
        for path, before, now in _fixed(old[name], new[name]):
            if before != now:
                answer.blocker(
                    f"{name} with {values.name}",
                    f"{path} cannot be changed, and is {now}; the previous chart has {before}",
                    "`helm upgrade` would fail in every installation",
                )


def _fixed(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Give fields that the API server does not let anybody change, as they were and as they are."""
    kind = new["kind"]
    if kind in WORKLOADS:
        yield "spec.selector", old["spec"].get("selector"), new["spec"].get("selector")
    if kind == "StatefulSet":
        for key in ("serviceName", "volumeClaimTemplates", "podManagementPolicy"):
            yield f"spec.{key}", old["spec"].get(key), new["spec"].get(key)
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        yield "roleRef", old.get("roleRef"), new.get("roleRef")
    if kind == "Secret":
        yield "type", old.get("type", "Opaque"), new.get("type", "Opaque")
    if kind == "Service":
        yield "spec.clusterIP", old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if kind == "CustomResourceDefinition":
        for key in ("scope", "group"):
            yield f"spec.{key}", old["spec"].get(key), new["spec"].get(key)


STAGE = Render()
