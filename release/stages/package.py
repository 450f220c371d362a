"""What is published: a package that anybody can make again, its provenance, and that both hold what was validated."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from release.asking import Answer, Questions
from release.helm import PROGRAMS, HelmRefusedError, helm, objects, template
from release.outcome import Outcome
from release.packing import Signer, package, signer
from release.stage import Context

EXPECTED = ("Chart.yaml", "values.yaml", "values.schema.json", "README.md", "LICENSE", ".helmignore")
FOLDERS = ("templates", "files", "crds", "charts", "ci")


class Package:
    """The stage `package`."""

    name = "package"
    title = "Is the package reproducible, complete and signed?"
    needs = ("helm",)
    after = ("lint",)

    def inputs(self, context: Context) -> Iterable[str]:
        """Another key signs otherwise."""
        return (context.sign_key,)

    def run(self, context: Context) -> Outcome:
        """Package twice, compare, sign, verify, and see that what was tampered with is refused."""
        questions = Questions()
        try:
            with questions.ask("packaged again elsewhere, the same bytes") as answer:
                made = package(context.chart.folder, context.work)
                _again(context.chart.folder, made, answer)
        except HelmRefusedError as refused:
            with questions.ask("helm package") as answer:
                answer.blocker("chart", str(refused))
            return Outcome(questions.checks)
        with questions.ask("the package holds the chart and nothing else") as answer:
            _contents(made, answer)
            _renders_the_same(context.chart.folder, made, answer)
        with (
            signer(context.sign_key) as key,
            questions.ask("the provenance is verified by Helm 3 and Helm 4") as answer,
        ):
            provenance = key.provenance(made)
            ring = key.keyring(context.work / "release-key.gpg")
            _verify(made, ring, answer)
        with questions.ask("a package that was changed is refused") as answer:
            _refuses_a_changed_one(made, provenance, ring, answer)
        if not context.sign_key:
            with questions.ask("who signed") as answer:
                answer.note("provenance", "signed with a key made for this run alone", "--sign-key names yours")
        files = tuple(str(each.relative_to(context.report)) for each in (made, provenance, ring))
        return Outcome(
            questions.checks, figures={"package, bytes": made.stat().st_size, "key": _name(key)}, files=files
        )


def _name(key: Signer) -> str:
    return key.key


def _again(chart: Path, made: Path, answer: Answer) -> None:
    """Package a copy whose files have other times and lie elsewhere."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "elsewhere"
        shutil.copytree(chart, copy, copy_function=shutil.copyfile)
        out = Path(scratch) / "out"
        out.mkdir()
        if package(copy, out).read_bytes() != made.read_bytes():
            answer.blocker(
                made.name, "packaging the same chart again gives other bytes: nobody can check what was published"
            )


def _contents(made: Path, answer: Answer) -> None:
    with tarfile.open(made) as opened:
        names = [each.name.partition("/")[2] for each in opened.getmembers() if each.isfile()]
    for name in names:
        if name not in EXPECTED and name.split("/")[0] not in FOLDERS:
            answer.warning(name, "is in the package and nothing that Helm reads", "name it in .helmignore")
    if len(set(names)) != len(names):
        answer.blocker(made.name, "holds a file twice")
    for name in ("Chart.yaml", "values.yaml"):
        if name not in names:
            answer.blocker(made.name, f"holds no {name}")


def _renders_the_same(chart: Path, made: Path, answer: Answer) -> None:
    try:
        folder, packed = objects(template(chart)), objects(template(made))
    except HelmRefusedError as refused:
        answer.blocker(made.name, str(refused))
        return
    if folder != packed:
        answer.blocker(made.name, "renders other objects than the chart's folder: a file that it needs is not packed")


def _verify(made: Path, ring: Path, answer: Answer) -> None:
    for name, program in PROGRAMS.items():
        try:
            helm(["verify", made, "--keyring", ring], program=program)
        except HelmRefusedError as refused:
            hint = "Helm 3 reads RSA keys, no ed25519: sign with one" if "public key type" in str(refused) else ""
            answer.blocker(made.name, f"{name}: {refused}", hint)


def _refuses_a_changed_one(made: Path, provenance: Path, ring: Path, answer: Answer) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copy2(made, scratch))
        shutil.copy2(provenance, scratch)
        content = bytearray(copy.read_bytes())
        content[-1] ^= 1
        copy.write_bytes(content)
        for name, program in PROGRAMS.items():
            try:
                helm(["verify", copy, "--keyring", ring], program=program)
            except HelmRefusedError:
                continue
            answer.blocker(made.name, f"{name} verifies a package of which one bit was changed")


STAGE = Package()
