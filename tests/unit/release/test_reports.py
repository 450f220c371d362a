"""The reports say the same thing to people and to programs, whatever a finding's text holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from release.outcome import Outcome, Series
from release.report import write_all
from release.results import Store
from release.runner import Run, run
from release.verdict import decide

from .stages import Fake, context, failing, passing

SERIES = (
    Series(
        "p99 <latency>", "ms", tuple((float(second), second * 1.5) for second in range(2000)), ((3.0, "upgrade & go"),)
    ),
    Series("requests", "1/s", ((0.0, 0.0), (1.0, 0.0))),
    Series("empty", "x", ()),
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    here = context(tmp_path)

    def measured() -> Outcome:
        (here.report / "files" / "measured" / "a<b>.txt").write_text("x")
        return replace(
            passing(), figures={"rate": 12345.6, "key": "<k>"}, series=SERIES, files=("files/measured/a<b>.txt",)
        )

    stages = [Fake("bad", failing), Fake("late", after=("bad",)), Fake("measured", measured)]
    done: Run = run(stages, here, Store(here.report), fresh=False, tell=lambda _text: None)
    write_all(here.report, here, done, decide(done, ["bad", "late", "measured", "other"]))
    return here.report


def test_the_json_has_the_verdict_its_reasons_and_every_stage(written: Path) -> None:
    found = json.loads((written / "report.json").read_text())

    assert found["verdict"] == "do not ship"
    assert len(found["reasons"]) == 2
    assert found["not_asked"] == ["other"]
    assert [each["state"] for each in found["stages"]] == ["failed", "not run", "passed"]
    assert found["chart"]["version"] == "0.1.0"
    assert found["stages"][2]["outcome"]["figures"] == {"rate": 12345.6, "key": "<k>"}


def test_the_junit_file_counts_what_failed(written: Path) -> None:
    suites = ET.parse(written / "junit.xml").getroot()  # noqa: S314  # our own

    assert {name: suites.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    failure = suites.find("testsuite[@name='bad']/testcase/failure")
    assert failure is not None
    assert failure.text == "Deployment/<x>: is <broken>[31m & worse (mend it)"
    skipped = suites.find("testsuite[@name='late']/testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "not run because bad failed"


class Page(HTMLParser):
    """Notes every element, and whether each is closed in its turn."""

    VOID = ("meta", "rect", "line", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: dict[str, int] = {}
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_stands_alone_and_escapes_everything(written: Path) -> None:
    text = (written / "report.html").read_text()
    page = Page()
    page.feed(text)

    assert page.open == []
    assert "script" not in page.seen
    assert page.seen["svg"] == 3  # durations, latency, requests; nothing for what was not measured
    assert all(not re.match(r"[a-z]+:|//", link) for link in page.links)
    assert "files/measured/a%3Cb%3E.txt" in page.links
    said = "".join(page.words)
    assert "Deployment/<x>: is <broken>" in said
    assert "do not ship" in said
    assert "upgrade & go" in said
    assert "1 warning to weigh:measured: values.yaml: is odd" in said


def test_a_long_series_keeps_its_peaks(written: Path) -> None:
    line = re.search(r'<polyline points="([^"]+)"', (written / "report.html").read_text())

    assert line is not None
    points = line[1].split()
    assert len(points) <= 600
    assert min(float(point.split(",")[1]) for point in points) == 72.0  # the highest value is at the top


def test_the_checksums_are_those_of_the_files(written: Path) -> None:
    assert (written / "SHA256SUMS").read_text() == (
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  files/measured/a<b>.txt\n"
    )
