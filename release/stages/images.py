"""What the images hold: a bill of materials each, known vulnerabilities, and whether a cluster may trust them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from release import sbom
from release.asking import Answer, Questions
from release.house_rules import SECRET_KEY
from release.image_content import Content, Package, config, read
from release.outcome import Outcome
from release.policy import EXCEPTIONS, VULNERABILITY, Exemption, Violation, exemptions
from release.stage import Context, StageBrokenError
from release.values import images, in_force, own_images, tag_of
from release.vulnerabilities import ECOSYSTEMS, Database, Known, ask_index

LABELS = ("title", "version", "licenses")
PREFIX = "org.opencontainers.image."
MIB = 1024 * 1024


class Images:
    """The stage `images`."""

    name = "images"
    title = "What is in the images, and may a cluster trust them?"
    needs = ("images", "audit")
    after: tuple[str, ...] = ()

    def inputs(self, context: Context) -> Iterable[Path | str]:
        """Another database knows other vulnerabilities."""
        return (context.vulnerability_db or "the package index",)

    def run(self, context: Context) -> Outcome:
        """Read each image of ours once, then judge what was read."""
        questions = Questions()
        values = in_force(context)
        named = own_images(values)
        figures: dict[str, float | str] = {}
        files: list[str] = []
        contents: dict[str, Content] = {}
        with questions.ask("the images are there, run without root, and say what they are") as answer:
            facts = {name: found for name in named if (found := _facts(name, answer)) is not None}
            for name in images(values):
                if name not in named:
                    answer.note(name, "is not made here; nothing is said of it")
            if not named:
                answer.blocker("values.yaml", "names no image of this project")
        for name, found in facts.items():
            short = name.rpartition("/")[2].partition(":")[0]
            with questions.ask(f"bill of materials of {short}") as answer:
                contents[name] = read(name)
                text = sbom.bill(name, found["Id"], contents[name].packages, contents[name].release)
                file = context.work / f"{short}.cdx.json"
                file.write_text(text, encoding="utf-8")
                files.append(str(file.relative_to(context.report)))
                _bill(name, text, contents[name], answer)
                figures[f"{short}, MiB"] = round(found["Size"] / MIB, 1)
                figures[f"{short}, packages"] = _counts(contents[name].packages)
            with questions.ask(f"files of {short}") as answer:
                _files(name, contents[name], answer)
        with questions.ask("known vulnerabilities") as answer:
            figures |= _vulnerabilities(context, contents, answer)
        return Outcome(questions.checks, figures=figures, files=tuple(files))


def _facts(name: str, answer: Answer) -> dict[str, Any] | None:
    try:
        found = config(name)
    except StageBrokenError as missing:
        answer.blocker(name, str(missing), "`scripts/images build` makes the product's images")
        return None
    _user(name, found["Config"], answer)
    _said(name, found["Config"], answer)
    return found


def _user(name: str, told: dict[str, Any], answer: Answer) -> None:
    user = str(told.get("User") or "").partition(":")[0]
    if user in {"", "0", "root"}:
        answer.blocker(name, f"runs as {user or 'root'}", "end its Dockerfile with a numeric USER")
    elif not user.isdigit():
        answer.blocker(
            name, f"runs as {user!r}, and runAsNonRoot needs a number", "end its Dockerfile with a numeric USER"
        )
    if told.get("ExposedPorts") and any(int(port.partition("/")[0]) < 1024 for port in told["ExposedPorts"]):
        answer.warning(name, "exposes a port below 1024, which a user without rights cannot open")


def _said(name: str, told: dict[str, Any], answer: Answer) -> None:
    """Judge what the configuration says: the program, labels, variables."""
    if not told.get("Entrypoint"):
        answer.blocker(name, "has no entrypoint")
    labels = told.get("Labels") or {}
    for label in LABELS:
        if not labels.get(PREFIX + label):
            answer.warning(name, f"has no label {PREFIX}{label}", "registries show it")
    version = labels.get(f"{PREFIX}version")
    if version and version != tag_of(name):
        answer.blocker(name, f"its label says version {version}")
    for line in told.get("Env") or ():
        key, _, value = line.partition("=")
        if SECRET_KEY.search(key) and value:
            answer.blocker(name, f"its variable {key} holds what looks like a secret")


def _bill(name: str, text: str, content: Content, answer: Answer) -> None:
    wrong = sbom.faults(text)
    if wrong:
        answer.blocker(name, f"its bill of materials is not valid CycloneDX: {wrong}")
    if not content.packages:
        answer.blocker(name, "no package was found in it: its bill of materials would say nothing")
    tag = tag_of(name)
    if content.product and content.product != tag:
        answer.blocker(name, f"holds version {content.product} of the product")


def _counts(packages: Sequence[Package]) -> str:
    unique = set(packages)
    counts = {title: sum(each.ecosystem == name for each in unique) for title, name in ECOSYSTEMS.items()}
    return ", ".join(f"{number} {title}" for title, number in counts.items() if number)


def _files(name: str, content: Content, answer: Answer) -> None:
    for path in content.suspicious:
        answer.blocker(f"{name}: {path}", "looks like a secret", "an image's layers can be read by whoever can pull it")
    if content.set_id:
        text = f"{len(content.set_id)} programs change the user ({', '.join(sorted(content.set_id)[:3])} ...)"
        answer.note(
            name, text, "allowPrivilegeEscalation: false, which the chart and the controller set, makes them harmless"
        )


def _vulnerabilities(context: Context, contents: dict[str, Content], answer: Answer) -> dict[str, float | str]:
    asked: set[str] = set()
    found: list[tuple[str, Known]] = []
    if context.vulnerability_db:
        database = Database(context.vulnerability_db)
        asked |= database.ecosystems
        found += [
            (name, known)
            for name, content in contents.items()
            for package in dict.fromkeys(content.packages)
            for known in database.of(package, content.release)
        ]
    python = list(
        dict.fromkeys(each for content in contents.values() for each in content.packages if each.ecosystem == "pypi")
    )
    if "pypi" not in asked and python:
        audit = ask_index(python)
        found += [("Python", known) for known in audit.known]
        if audit.unanswered:
            answer.warning(
                f"{len(audit.unanswered)} of {len(python)} Python packages",
                f"nobody could be asked about their vulnerabilities: {audit.reason}",
                "--vulnerability-db names a folder with OSV files",
            )
        else:
            asked.add("pypi")
    for title, ecosystem in ECOSYSTEMS.items():
        count = len({each for content in contents.values() for each in content.packages if each.ecosystem == ecosystem})
        if count and ecosystem not in asked and ecosystem != "pypi":
            answer.warning(
                f"{count} packages of {title}",
                "no database was given, so nothing is known of their vulnerabilities",
                "--vulnerability-db names a folder with OSV files",
            )
    _judge(found, answer)
    if not asked:
        return {"vulnerabilities": "nobody could be asked"}
    titles = ", ".join(title for title, ecosystem in ECOSYSTEMS.items() if ecosystem in asked)
    return {"vulnerabilities": f"{len({known.identifier for _, known in found})} known, of {titles}"}


def _judge(found: Sequence[tuple[str, Known]], answer: Answer) -> None:
    """Say what can be mended is a reason not to ship; for the rest the release manager has to weigh."""
    excepted = [each for each in exemptions() if each.scanner == VULNERABILITY]
    used: set[Exemption] = set()
    for name, known in found:
        where = f"{name}: {known.package.name} {known.package.version}"
        seen = Violation(VULNERABILITY, known.identifier, name, known.package.name, known.summary)
        covering = [each for each in excepted if each.covers(seen)]
        used |= set(covering)
        text = f"{known.identifier}: {known.summary}"
        if covering:
            answer.note(where, text, covering[0].reason)
        elif known.fixed:
            answer.blocker(where, text, f"mended in {known.fixed}")
        else:
            answer.warning(where, text, "no version mends it yet")
    for each in excepted:
        if each not in used:
            answer.warning(
                f"{EXCEPTIONS.name}: {each.check}", "nothing is excepted by this any more", "remove the exception"
            )


STAGE = Images()
