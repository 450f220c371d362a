"""junit.xml, as CI systems read it: a suite for each stage, a case for each check."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from release.outcome import Check, Finding, Severity
from release.results import Result, State

from .document import Document

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(document: Document) -> bytes:
    """Return the XML. A stage that is broken is an error, one that was not run is skipped."""
    suites = ET.Element("testsuites", name="release-validate", time=f"{document.seconds:.3f}")
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for result in document.stages:
        suite = _suite(result)
        suites.append(suite)
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
    for name, number in totals.items():
        suites.set(name, str(number))
    ET.indent(suites)
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(result: Result) -> ET.Element:
    checks = result.outcome.checks if result.outcome else ()
    suite = ET.Element("testsuite", name=result.name, time=f"{result.seconds:.3f}")
    if result.began:
        suite.set("timestamp", result.began)
    for check in checks:
        suite.append(_case(result.name, check))
    failures = sum(not check.passed for check in checks)
    errors = skipped = 0
    if not checks:
        case = ET.SubElement(suite, "testcase", classname=f"release.{result.name}", name=_clean(result.title), time="0")
        kind = "skipped" if result.state is State.NOT_RUN else "error"
        ET.SubElement(case, kind, message=_clean(result.reason))
        errors, skipped = int(kind == "error"), int(kind == "skipped")
    counts = {"tests": len(checks) or 1, "failures": failures, "errors": errors, "skipped": skipped}
    for name, number in counts.items():
        suite.set(name, str(number))
    return suite


def _case(stage: str, check: Check) -> ET.Element:
    case = ET.Element("testcase", classname=f"release.{stage}", name=_clean(check.name), time=f"{check.seconds:.3f}")
    blockers = [each for each in check.findings if each.severity is Severity.BLOCKER]
    others = [each for each in check.findings if each.severity is not Severity.BLOCKER]
    if blockers:
        failure = ET.SubElement(case, "failure", message=_clean(_text(blockers[0])), type=blockers[0].severity.value)
        failure.text = _clean("\n".join(map(_text, blockers)))
    if others:
        ET.SubElement(case, "system-out").text = _clean("\n".join(f"{each.severity}: {_text(each)}" for each in others))
    return case


def _text(finding: Finding) -> str:
    return f"{finding.where}: {finding.what}" + (f" ({finding.hint})" if finding.hint else "")


def _clean(text: str) -> str:
    """Drop characters that no XML document may hold, such as those of a terminal's colours."""
    return _NO_XML.sub("", text)
