"""Whether values, their schema, their documentation and the CustomResourceDefinition are valid and agree."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.validators import validator_for

from devtools.paths import ROOT
from release.asking import Answer, Questions
from release.helm import HELM, HELM4, HelmRefusedError, label, objects, template
from release.outcome import Outcome
from release.stage import Chart, Context
from release.structural import faults
from release.value_sets import value_sets
from release.values import defaults, in_force, leaves, load, overlay

VALUES_DOC = ROOT / "docs" / "values.md"
NONSENSE = "thereIsNoSuchKey"
SHARED = ("global",)
"""Helm gives every chart the global values of the chart that includes it, so there are keys of others."""


class Schema:
    """The stage `schema`."""

    name = "schema"
    title = "Are values refused that make no sense, and is the definition structural?"
    needs = ("helm",)
    after = ("lint",)

    def inputs(self, _context: Context) -> Iterable[Path]:
        """The documentation is compared with the values."""
        return (VALUES_DOC,)

    def run(self, context: Context) -> Outcome:
        """Ask the schema itself first: nothing else can be judged by one that is no schema."""
        questions = Questions()
        values = defaults(context.chart)
        with questions.ask("values.schema.json is a JSON Schema") as answer:
            schema = _schema(context.chart, answer)
        if schema is None:
            return Outcome(questions.checks)
        with questions.ask("every default has its place in the schema, of the right type") as answer:
            _agree(schema, values, answer)
        with questions.ask("defaults for old releases' values are those of values.yaml") as answer:
            _same_defaults(context.chart, values, answer)
        with questions.ask("every value is documented") as answer:
            _documented(values, answer)
        with questions.ask("the sets of values are accepted") as answer:
            for each in value_sets(context):
                merged = copy.deepcopy(values)
                for file in each.files:
                    overlay(merged, load(file))
                for error in validator_for(schema)(schema).iter_errors(merged):
                    answer.blocker(f"{each.name}: {_path(error.absolute_path)}", error.message)
        with questions.ask("a value of the wrong type is refused") as answer:
            refused = _wrong_types(schema, values, answer)
        with questions.ask("a key that does not exist is refused, at the top and below") as answer:
            asked = _unknown_keys(context.chart, values, answer)
        with questions.ask("the definition is structural and complete") as answer:
            _definition(context, answer)
        return Outcome(
            questions.checks, figures={"values": len(list(leaves(values))), "wrong types": refused, "wrong keys": asked}
        )


def _schema(chart: Chart, answer: Answer) -> dict[str, Any] | None:
    file = chart.folder / "values.schema.json"
    try:
        schema = json.loads(file.read_text(encoding="utf-8"))
        validator_for(schema).check_schema(schema)
    except OSError:
        answer.blocker("values.schema.json", "there is none: Helm would take any value")
    except ValueError as wrong:
        answer.blocker("values.schema.json", f"is not JSON: {wrong}")
    except jsonschema.SchemaError as wrong:
        answer.blocker(f"values.schema.json: {_path(wrong.absolute_path)}", wrong.message)
    else:
        if isinstance(schema, dict):
            return schema
        answer.blocker("values.schema.json", "is no object")
    return None


def _agree(schema: dict[str, Any], values: dict[str, Any], answer: Answer) -> None:
    for error in validator_for(schema)(schema).iter_errors(values):
        answer.blocker(f"values.yaml: {_path(error.absolute_path)}", error.message)
    for path, _ in leaves(values):
        if _place(schema, path) is None:
            answer.blocker(f"values.yaml: {'.'.join(path)}", "is not in values.schema.json", "generate the chart again")


def _place(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the schema of the value at a path, or None where the schema says nothing of it."""
    for name in path:
        branches = [schema, *(each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ()))]
        found = next((each["properties"][name] for each in branches if name in each.get("properties", {})), None)
        found = found or next(
            (each["additionalProperties"] for each in branches if each.get("additionalProperties")), None
        )
        if found is None or found is True:
            return None if found is None else {}
        schema = found
    return schema


def _same_defaults(chart: Chart, values: dict[str, Any], answer: Answer) -> None:
    """Compare with the copy that `helm upgrade --reuse-values` falls back on."""
    file = chart.folder / "files" / "defaults.yaml"
    if not file.is_file():
        answer.note("files/defaults.yaml", "there is none: --reuse-values brings the former release's values alone")
        return
    kept, given = dict(leaves(load(file))), dict(leaves(values))
    for path in sorted(kept.keys() | given.keys()):
        if kept.get(path, NONSENSE) != given.get(path, NONSENSE):
            both = (
                f"{given.get(path, 'nothing')!r} in values.yaml, {kept.get(path, 'nothing')!r} in files/defaults.yaml"
            )
            answer.blocker(".".join(path), f"is {both}", "generate the chart again")


def _documented(values: dict[str, Any], answer: Answer) -> None:
    text = VALUES_DOC.read_text(encoding="utf-8") if VALUES_DOC.is_file() else ""
    for path, _ in leaves(values):
        name = ".".join(path)
        if path[0] == "predictor_servers":  # rows of a table, not values of their own
            name = path[0]
        if f"`{name}`" not in text:
            answer.blocker(name, f"is not in docs/{VALUES_DOC.name}", "generate the documentation again")


def _wrong_types(schema: dict[str, Any], values: dict[str, Any], answer: Answer) -> int:
    """Put a mapping where a plain value belongs, and a word where a switch or a number does; return how many."""
    judge = validator_for(schema)(schema)
    asked = 0
    for path, value in leaves(values):
        for wrong in _wrong(value):
            changed = copy.deepcopy(values)
            node = changed
            for name in path[:-1]:
                node = node[name]
            node[path[-1]] = wrong
            asked += 1
            if judge.is_valid(changed):
                answer.blocker(
                    ".".join(path), f"{wrong!r} is accepted in the place of {value!r}", "give its type in the schema"
                )
    return asked


def _wrong(value: Any) -> Iterator[Any]:
    if isinstance(value, (bool, int)):
        yield "a word"
        yield {"a": "mapping"}
    elif isinstance(value, str):
        yield {"a": "mapping"}
        yield ["a list"]
    elif isinstance(value, (dict, list)):
        yield "a word"


def _unknown_keys(chart: Chart, values: dict[str, Any], answer: Answer) -> int:
    """Ask Helm 3 at every level, and Helm 4 at the top: the chart refuses by its schema or by a template."""
    parents = sorted({path[:-1] for path, _ in leaves(values) if path[0] != "predictor_servers"})
    cases = [(HELM, parent) for parent in parents if len(parent) < 2 and parent != SHARED] + [(HELM4, ())]
    for program, parent in cases:
        name = ".".join((*parent, NONSENSE))
        try:
            template(chart.folder, sets=(f"{name}=1",), program=program)
        except HelmRefusedError as refused:
            if NONSENSE not in str(refused):
                answer.blocker(name, f"is refused by a message that does not name it: {refused}")
        else:
            answer.blocker(name, "an unknown key is accepted: a misspelt value would be ignored in silence")
    return len(cases)


def _definition(context: Context, answer: Answer) -> None:
    try:
        found = objects(template(context.chart.folder))
    except HelmRefusedError as refused:
        answer.blocker("chart", str(refused))
        return
    definitions = [each for each in found if each["kind"] == "CustomResourceDefinition"]
    if not definitions and in_force(context).get("crd", {}).get("create", True):
        answer.blocker("chart", "it renders no CustomResourceDefinition with its defaults")
    for each in definitions:
        for path, what in faults(each):
            answer.blocker(f"{label(each)}: {path}", what)
        if each["metadata"].get("annotations", {}).get("helm.sh/resource-policy") != "keep":
            answer.blocker(
                label(each), "has no `helm.sh/resource-policy: keep`: uninstalling deletes every user's deployment"
            )
        if context.previous:
            _compatible(each, context.previous, answer)


def _compatible(definition: dict[str, Any], previous: Chart, answer: Answer) -> None:
    """Say what users' objects would lose: versions that are served no more, fields that are gone."""
    try:
        old = [each for each in objects(template(previous.folder)) if label(each) == label(definition)]
    except HelmRefusedError as refused:
        answer.warning(f"previous chart {previous.version}", f"cannot be rendered to compare with: {refused}")
        return
    versions = {each["name"]: each for each in definition["spec"]["versions"]}
    for former in old[0]["spec"]["versions"] if old else ():
        now = versions.get(former["name"])
        where = f"{label(definition)}: {former['name']}"
        if now is None or (former.get("served") and not now.get("served")):
            answer.blocker(where, "this version is served no more: manifests of users are refused")
            continue
        gone = set(_fields(former["schema"]["openAPIV3Schema"])) - set(_fields(now["schema"]["openAPIV3Schema"]))
        for field in sorted(gone):
            answer.blocker(f"{where}: {field}", "this field is gone: the API server drops it from users' objects")


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, child in (schema.get("properties") or {}).items():
        yield f"{path}.{name}".lstrip(".")
        yield from _fields(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _fields(schema[name], f"{path}[]")


def _path(parts: Iterable[Any]) -> str:
    return ".".join(str(part) for part in parts) or "the whole"


STAGE = Schema()
