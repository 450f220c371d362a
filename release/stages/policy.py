"""Whether what runs in users' clusters keeps to policy: the chart's objects, and what the controller makes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from devtools.paths import ROOT
from devtools.shell import CommandFailedError, run
from release import policy
from release.asking import Answer, Questions
from release.helm import HelmRefusedError, objects, template
from release.house_rules import broken, values_with_secrets
from release.outcome import Outcome
from release.policy import Exemption, Violation
from release.stage import Context
from release.value_sets import OURS
from release.values import defaults

SAMPLES = ROOT / "release" / "samples"
PRODUCTION = OURS / "production.yaml"
MODELS = "models"
"""The group of objects that the controller makes."""


class Policy:
    """The stage `policy`."""

    name = "policy"
    title = "Do the chart and what the controller makes keep to policy?"
    needs = ("helm", "policy")
    after = ("lint",)

    def inputs(self, _context: Context) -> Iterable[Path]:
        """What the controller makes depends on its code."""
        return (
            ROOT / "src" / "seldon_core" / "api",
            ROOT / "src" / "seldon_core" / "operator",
            ROOT / "requirements" / "checkov.txt",
        )

    def run(self, context: Context) -> Outcome:
        """Render the groups of objects, then ask each scanner about each group."""
        questions = Questions()
        exemptions = tuple(each for each in policy.exemptions() if each.scanner in policy.SCANNERS)
        with questions.ask("the objects can be had") as answer:
            groups = _groups(context, answer)
        found: list[Violation] = []
        with questions.ask("rules of this house") as answer:
            for group, file in groups.items():
                items = objects(file.read_text(encoding="utf-8"))
                found += _judge([each for item in items for each in broken(item, group)], exemptions, answer)
            for path in values_with_secrets(defaults(context.chart)):
                answer.blocker(f"values.yaml: {path}", "holds what looks like a secret", "name a Secret in its place")
        with questions.ask("kube-score") as answer:
            for group, file in groups.items():
                found += _judge(list(policy.kube_score([file], group)), exemptions, answer)
        with questions.ask("checkov") as answer:
            folders = {group: file.parent for group, file in groups.items()}
            found += _judge(list(policy.checkov(folders)), exemptions, answer)
        with questions.ask("every exception is still needed") as answer:
            for each in exemptions:
                if not any(each.covers(violation) for violation in found):
                    answer.warning(
                        f"{each.scanner} {each.check}", "nothing breaks this rule any more", "remove the exception"
                    )
        files = tuple(str(file.relative_to(context.report)) for file in groups.values())
        figures = {
            "groups of objects": len(groups),
            "exceptions": len(exemptions),
            "violations under exceptions": sum(any(one.covers(each) for one in exemptions) for each in found),
        }
        return Outcome(questions.checks, figures=figures, files=files)


def _groups(context: Context, answer: Answer) -> dict[str, Path]:
    """Write the groups of objects, a folder each: the chart by default and as in production, and what models get."""
    texts: dict[str, str] = {}
    for group, values in {"defaults": (), "production": (PRODUCTION,), "as installed": context.values}.items():
        if group == "as installed" and not values:
            continue
        try:
            texts[group] = template(context.chart.folder, tuple(values))
            objects(texts[group])
        except HelmRefusedError as refused:
            texts.pop(group, None)
            answer.blocker(f"chart with {group}", str(refused))
    try:
        texts[MODELS] = "\n---\n".join(_made(context, sample) for sample in sorted(SAMPLES.glob("*.yaml")))
    except CommandFailedError as refused:
        answer.blocker("seldonctl render", " ".join(refused.output.split())[-300:])
    files = {group: context.work / group.replace(" ", "-") / "objects.yaml" for group in texts}
    for group, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(texts[group], encoding="utf-8")
    return files


def _made(context: Context, sample: Path) -> str:
    """Return what the controller makes of a SeldonDeployment under the chart's production values."""
    words: list[str | Path] = ["-m", "seldon_core.cli.main", "render", "--filename", sample]
    for file in (context.chart.folder / "values.yaml", PRODUCTION, *context.values):
        words += ["--values", file]
    return run([sys.executable, *words], timeout=60, env={"PYTHONPATH": str(ROOT / "src")}).stdout


def _judge(violations: Sequence[Violation], exemptions: Sequence[Exemption], answer: Answer) -> Sequence[Violation]:
    for each in violations:
        if not any(one.covers(each) for one in exemptions):
            say = answer.blocker if each.critical else answer.warning
            say(f"{each.where} ({each.group})", f"{each.scanner} {each.check}: {each.what}")
    return violations


STAGE = Policy()
