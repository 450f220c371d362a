"""Is the chart well formed: Helm's own lint, the fields of Chart.yaml, the notes that users read."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from devtools import notes
from release.asking import Answer, Questions
from release.helm import PROGRAMS, HelmRefusedError, helm, objects, template
from release.outcome import Outcome
from release.stage import Chart, Context
from release.value_sets import ValueSet, value_sets
from release.values import in_force, own_images, tag_of
from seldon_core import __version__

# https://semver.org: three numbers without leading zeros, then perhaps a pre-release and build data.
_NUMBER = r"(?:0|[1-9]\d*)"
_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_WORDS})?(?:\+{_WORDS})?")
LICENCE = "artifacthub.io/license"
TEMPLATE_LEFT = re.compile(r"\{\{|<no value>|%!")


class Lint:
    """The stage `lint`."""

    name = "lint"
    title = "Is the chart well formed?"
    needs = ("helm",)
    after: tuple[str, ...] = ()

    def run(self, context: Context) -> Outcome:
        """Ask Helm 3 and Helm 4 with every set of values, then look at what they do not."""
        questions = Questions()
        sets = value_sets(context)
        for name, program in PROGRAMS.items():
            with questions.ask(f"helm lint --strict, {name}, {len(sets)} sets of values") as answer:
                for each in sets:
                    _lint(context.chart, each, program, answer)
        with questions.ask("Chart.yaml says what charts are found and judged by") as answer:
            _chart_yaml(context.chart, answer)
        with questions.ask("versions agree: chart, product, images") as answer:
            _versions(context, answer)
        with questions.ask("the notes are rendered") as answer:
            for each in sets:
                _notes(context.chart, each, answer)
        return Outcome(questions.checks, figures={"sets of values": len(sets)})


def _lint(chart: Chart, values: ValueSet, program: str, answer: Answer) -> None:
    words: list[str | Path] = ["lint", "--strict", chart.folder]
    for file in values.files:
        words += ["--values", file]
    try:
        helm(words, program=program)
    except HelmRefusedError as refused:
        lines = re.findall(r"\[(?:ERROR|WARNING)\] (.*?)(?= \[(?:ERROR|WARNING|INFO)\]|Error: |$)", str(refused))
        for line in lines or [str(refused)]:
            answer.blocker(f"chart with {values.name}", line.strip())


def _chart_yaml(chart: Chart, answer: Answer) -> None:
    fields: dict[str, Any] = yaml.safe_load((chart.folder / "Chart.yaml").read_text(encoding="utf-8"))
    if fields.get("apiVersion") != "v2":
        answer.blocker("Chart.yaml", f"apiVersion is {fields.get('apiVersion')!r}, not v2")
    if fields.get("type", "application") != "application":
        answer.blocker("Chart.yaml", f"type is {fields['type']!r}: nobody can install it")
    if not SEMVER.fullmatch(chart.version):
        answer.blocker("Chart.yaml", f"version {chart.version!r} is no semantic version", "write three numbers: 1.2.3")
    for key in ("name", "description", "appVersion", "kubeVersion"):
        if not fields.get(key):
            answer.blocker("Chart.yaml", f"{key} is missing")
    if not (fields.get("annotations") or {}).get(LICENCE):
        answer.blocker("Chart.yaml", f"the annotation {LICENCE} is missing", "name the licence by its SPDX identifier")
    for key in ("home", "sources", "maintainers", "icon"):
        if not fields.get(key):
            answer.note("Chart.yaml", f"{key} is not given", "catalogues of charts show it")
    if fields.get("deprecated"):
        answer.blocker("Chart.yaml", "the chart is marked as deprecated")


def _versions(context: Context, answer: Answer) -> None:
    chart = context.chart
    if chart.app_version != __version__:
        answer.blocker(
            "Chart.yaml",
            f"appVersion is {chart.app_version!r}, the product is {__version__}",
            "generate the chart again",
        )
    for name in own_images(in_force(context)):
        tag = tag_of(name)
        if tag != chart.app_version:
            answer.blocker(f"values.yaml: {name}", f"the tag is {tag!r}, appVersion is {chart.app_version!r}")
    if context.previous and chart.version == context.previous.version:
        answer.warning(
            "Chart.yaml",
            f"version {chart.version} is also that of {context.previous.source[:12]}, whose chart is another",
            "raise the version before you publish",
        )


def _notes(chart: Chart, values: ValueSet, answer: Answer) -> None:
    source = chart.folder / "templates" / "NOTES.txt"
    if not source.is_file():
        answer.blocker("templates/NOTES.txt", "there is none: whoever installs the chart is told nothing")
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(chart.folder, Path(scratch) / "chart"))
        notes.as_an_object(copy)
        try:
            found = objects(template(copy, values.files))
        except HelmRefusedError as refused:
            answer.blocker(f"templates/NOTES.txt with {values.name}", str(refused))
            return
    text = next(str(each["data"][notes.NAME]) for each in found if each["metadata"]["name"] == notes.NAME)
    if not text.strip():
        answer.blocker(f"templates/NOTES.txt with {values.name}", "the notes are empty")
    if TEMPLATE_LEFT.search(text):
        answer.blocker(f"templates/NOTES.txt with {values.name}", "the notes hold what a template left behind")


STAGE = Lint()
