"""report.html: one file without anything from elsewhere, for the person who decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote

from release.outcome import Check, Finding, Severity
from release.results import Result
from release.verdict import SHIP

from . import plots
from .document import ChartFacts, Document

_STYLE = """
body { font-family: sans-serif; font-size: 15px; line-height: 1.45; color: #222 }
body { max-width: 900px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #ccc } h3 { font-size: 1em }
table { border-collapse: collapse; width: 100%; margin: .6em 0 } tr { border-bottom: 1px solid #e4e4e4 }
th, td { text-align: left; vertical-align: top; padding: .25em .6em }
td.number { text-align: right; white-space: nowrap } code { overflow-wrap: anywhere }
.verdict { padding: .6em 1em; color: #fff; font-size: 1.3em }
.ship { background: #3c8d5a } .stop { background: #c0392b }
.passed { color: #2b7a48 } .failed, .broken, .blocker { color: #b02a1c }
.not-run, .note { color: #666 } .warning { color: #a0620a }
.hint { color: #555 } svg { max-width: 100%; height: auto }
"""


def page(document: Document) -> str:
    """Return the whole page."""
    ships = document.verdict == SHIP
    limits = ", as far as was asked" if ships and document.not_asked else ""
    chart = document.chart
    title = f"{chart.name} {chart.version}: {document.verdict}"
    parts = [
        f"<h1>Release validation of {escape(chart.name)} {escape(chart.version)}</h1>",
        f'<p class="verdict {"ship" if ships else "stop"}">{escape(document.verdict + limits)}</p>',
        _reasons(document),
        "<h2>Stages</h2>",
        _stages(document.stages),
        plots.durations(document.stages),
        *(_stage(result) for result in document.stages),
        "<h2>What was judged, by what</h2>",
        _facts(document),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _reasons(document: Document) -> str:
    parts = [f"<ul>{_items(document.reasons)}</ul>"] if document.reasons else []
    warnings = [
        f"{one.name}: {each.where}: {each.what}" for one in document.stages for each in one.findings(Severity.WARNING)
    ]
    if warnings:
        many = "s" if len(warnings) > 1 else ""
        parts.append(f'<p class="warning">{len(warnings)} warning{many} to weigh:</p><ul>{_items(warnings)}</ul>')
    if document.not_asked:
        parts.append(f"<p>Stages that were not asked for: {escape(', '.join(document.not_asked))}.</p>")
    return "\n".join(parts)


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def _stages(results: Iterable[Result]) -> str:
    rows = []
    for result in results:
        checks = result.outcome.checks if result.outcome else ()
        counts = [f"{len(checks)} checks"] if checks else []
        for severity in (Severity.BLOCKER, Severity.WARNING):
            number = len(result.findings(severity))
            counts += [f"{number} {severity}{'s' if number > 1 else ''}"] if number else []
        state = f"{result.state}{' (earlier run)' if result.kept else ''}"
        rows.append(
            f'<tr><td><a href="#{escape(result.name)}">{escape(result.name)}</a></td><td>{escape(result.title)}</td>'
            f'<td class="{_class(result.state)}">{escape(state)}</td><td class="number">{result.seconds:,.1f} s</td>'
            f"<td>{escape(', '.join(counts) or result.reason)}</td></tr>"
        )
    return f"<table><tr><th>stage</th><th>asks</th><th>result</th><th>took</th><th></th></tr>{''.join(rows)}</table>"


def _stage(result: Result) -> str:
    parts = [f'<h2 id="{escape(result.name)}">{escape(result.name)}: {escape(result.title)}</h2>']
    if result.reason:
        parts.append(f'<p class="{_class(result.state)}">{escape(result.reason)}</p>')
    outcome = result.outcome
    if outcome:
        parts.append(f"<table>{''.join(_check(check) for check in outcome.checks)}</table>")
        if outcome.figures:
            parts.append("<h3>Figures</h3>" + _table({name: _figure(value) for name, value in outcome.figures.items()}))
        parts.append(plots.lines(outcome.series))
        if outcome.files:
            links = (f'<li><a href="{escape(quote(name))}">{escape(name)}</a></li>' for name in outcome.files)
            parts.append(f"<h3>Files</h3><ul>{''.join(links)}</ul>")
    return "\n".join(parts)


def _check(check: Check) -> str:
    verdict = '<span class="passed">passed</span>' if check.passed else '<span class="failed">failed</span>'
    found = "".join(_finding(each) for each in check.findings)
    return (
        f"<tr><td>{escape(check.name)}{f'<ul>{found}</ul>' if found else ''}</td><td>{verdict}</td>"
        f'<td class="number">{check.seconds:,.1f} s</td></tr>'
    )


def _finding(finding: Finding) -> str:
    hint = f' <span class="hint">({escape(finding.hint)})</span>' if finding.hint else ""
    return (
        f'<li><span class="{finding.severity}">{finding.severity}</span> <code>{escape(finding.where)}</code>: '
        f"{escape(finding.what)}{hint}</li>"
    )


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"


def _facts(document: Document) -> str:
    rows = {"chart": _chart(document.chart)}
    rows["previous chart"] = _chart(document.previous) if document.previous else "none"
    rows |= {"product": document.product, "commit": document.commit or "unknown", "written": document.written}
    rows["all stages together"] = f"{document.seconds:,.1f} s"
    return _table(rows) + "<h3>Programs</h3>" + _table(document.tools) + "<h3>Images</h3>" + _table(document.images)


def _chart(facts: ChartFacts) -> str:
    return f"{facts.name} {facts.version} (appVersion {facts.app_version}) from {facts.source}, content {facts.digest}"


def _table(rows: Mapping[str, str]) -> str:
    cells = (f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>" for name, value in rows.items())
    return f"<table>{''.join(cells)}</table>"


def _class(state: str) -> str:
    return state.replace(" ", "-")
