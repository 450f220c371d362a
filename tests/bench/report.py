"""docs/benchmarks.md: the table, and everything that a reader needs to judge it and to repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .results import QUOTED, Entry, Run
from .systems import ORDER
from .targets import verdicts

_LIMITED = 0.85
"""Of the load generator's core: above it, a figure may be the generator's and not the server's."""
_NOISY = 0.10
"""Of a core, taken by other programs: above it, a figure is not to be trusted."""
_HOW = """\
## How it is measured

- The model is the quickstart's: a logistic regression for each of iris's three classes, `predict_proba`. Each system
  serves what its own scikit-learn stored.
- 20,000 requests of one row and 1,000 of a hundred are asked round and round; all their rows differ, and no system
  keeps predictions.
- Every answer is checked against what scikit-learn itself answers in the system's own environment, to 1e-9, after the
  clock has stopped. Only right answers count.
- A system's processes share one core, without any other limit; the load generator has the other core. Systems that
  wait for their turn do nothing.
- Closed loop: each connection has one request in flight, over REST and over gRPC (256 connections of gRPC are 256
  connections of HTTP/2 with one call each). A connection that the server closes is made anew, and that belongs to the
  request's time.
- {seconds:g} s are measured for each line, after a warm-up. At each number of connections all systems are measured
  directly after one another.
- gRPC sends tensors of doubles (seldon: `data.tensor`; v2: `fp64_contents`), REST sends JSON (seldon: `data.ndarray`).
- A system's start is measured the second time: its byte code is kept by then, as it is in an image.
- Memory is resident memory; what processes of one program share through fork counts once.
- The load generator is Python on uvloop with requests rendered beforehand, over raw HTTP/1.1 and HTTP/2
  (`tests/bench/`).

How the systems are run:
"""


def write(run: Run) -> str:
    """The whole document."""
    return "\n".join([*_head(run), *_targets(run), *_tables(run), *_beside(run), *_how(run), *_versions(run)]) + "\n"


def doubts(run: Run) -> list[str]:
    """Sentences about what in this run cannot be trusted; none for a good one."""
    entries = run.entries
    noisy = [entry for entry in entries if entry.noise.others > _NOISY or entry.noise.stolen > _NOISY]
    limited = [entry for entry in entries if entry.noise.generator > _LIMITED]
    wrong = [entry for entry in entries if entry.result.errors]
    sentences = []
    if noisy:
        worst = max(max(entry.noise.others, entry.noise.stolen) for entry in noisy)
        sentences.append(
            f"The machine was not quiet: in {len(noisy)} of {len(entries)} measurements other programs or its host "
            f"took more than {_NOISY:.0%} of a core ({worst:.0%} at worst). Do not publish these figures."
        )
    if limited:
        sentences.append(
            f"In {len(limited)} measurements (marked †) the load generator used more than {_LIMITED:.0%} of its core: "
            "the server may be faster than the figure."
        )
    sentences += [
        f"{entry.result.system}, {entry.result.protocol}, {entry.result.connections} connections, {entry.result.rows} "
        f"rows: {entry.result.errors} requests without a right answer, most often: {next(iter(entry.failures), '')}."
        for entry in wrong
    ]
    return sentences


def _head(run: Run) -> Iterator[str]:
    about = run.about
    machine = about.machine
    yield "# Benchmark of the data plane"
    yield ""
    yield (
        f"Written by `{about.command}` on {about.date}, commit {about.commit or 'unknown'}, "
        f"in {about.took_seconds:.0f} s."
    )
    yield (
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory']} memory, Linux {machine['kernel']}. "
        "Every figure below is from this one run; what is not is marked as quoted."
    )
    yield ""
    yield "![Requests a second and latency](benchmarks.svg)"
    yield ""
    for sentence in [*doubts(run), *about.absent]:
        yield f"- {sentence}"
    yield ""


def _targets(run: Run) -> Iterator[str]:
    found = verdicts(run)
    if not found:
        return
    yield "## Targets"
    yield ""
    yield from table(
        ("target", "this run", "met"), ((one.target, one.found, "yes" if one.met else "**no**") for one in found)
    )
    yield ""


def _tables(run: Run) -> Iterator[str]:
    yield "## Figures"
    yield ""
    yield (
        "requests/s are right answers a second. CPU is the time of all processes of a system for one request; memory "
        "is that of all its processes right after the measurement. Errors are requests without a right answer."
    )
    yield ""
    groups = dict.fromkeys((entry.result.protocol, entry.result.rows) for entry in run.entries)
    for protocol, rows in groups:
        yield f"### {protocol}, {_rows(rows)}"
        yield ""
        chosen = [e for e in run.entries if (e.result.protocol, e.result.rows) == (protocol, rows)]
        chosen.sort(key=lambda entry: (entry.result.connections, ORDER.index(entry.result.system)))
        yield from table(
            ("connections", "system", "requests/s", "p50 ms", "p99 ms", "CPU us", "MB", "errors"),
            (_line(entry) for entry in chosen),
        )
        yield ""


def _line(entry: Entry) -> tuple[str, ...]:
    result = entry.result
    mark = " †" if entry.noise.generator > _LIMITED else ""
    return (
        str(result.connections),
        result.system,
        f"{result.rps:,.0f}{mark}",
        f"{result.p50_ms:.2f}",
        f"{result.p99_ms:.2f}",
        f"{result.cpu_us:,.0f}",
        f"{result.rss_mb:.0f}",
        str(result.errors),
    )


def _beside(run: Run) -> Iterator[str]:
    if run.hops:
        yield "### What the executor adds as a sidecar"
        yield ""
        yield "One row; CPU at 64 connections, p50 at one; the same server asked through the executor and without it."
        yield ""
        yield from table(
            ("protocol", "CPU us", "p50 ms"),
            ((hop.protocol, f"{hop.cpu_us:.0f}", f"{hop.p50_ms:.2f}") for hop in run.hops),
        )
        yield ""
    if run.starts:
        yield "### From the start of the processes to the first right answer"
        yield ""
        yield from table(
            ("system", "protocols", "seconds"), ((one.system, one.family, f"{one.seconds:.1f}") for one in run.starts)
        )
        yield ""
    if run.ceilings:
        yield "### The load generator's own limit"
        yield ""
        yield (
            "Against a server that answers the same octets to everything. A figure of the tables that is near these is "
            "the generator's, not the server's."
        )
        yield ""
        yield from table(
            ("transport", "rows", "connections", "requests/s", "its CPU us"),
            (
                (one.transport, str(one.rows), str(one.connections), f"{one.rps:,.0f}", f"{one.cpu_us:.1f}")
                for one in run.ceilings
            ),
        )
        yield ""
    yield "### Quoted: v1.17.1's orchestrator"
    yield ""
    yield (
        "**Not of this run.** The orchestrator is not on PyPI; it was measured before on a machine of this kind with "
        "two cores, before the same wrapper, iris over REST."
    )
    yield ""
    yield from table(
        ("system", "protocol", "connections", "requests/s", "p50 ms", "p99 ms"),
        (
            (q.system, q.protocol, str(q.connections), *(_or_dash(one) for one in (q.rps, q.p50_ms, q.p99_ms)))
            for q in QUOTED
        ),
    )
    yield ""


def _how(run: Run) -> Iterator[str]:
    yield _HOW.format(seconds=run.about.seconds)
    for name, sentence in run.about.systems.items():
        yield f"- **{name}**: {sentence}."
    yield ""


def _versions(run: Run) -> Iterator[str]:
    yield "## Versions"
    yield ""
    for name, versions in run.about.versions.items():
        yield f"- **{name}**: " + ", ".join(f"{package} {version}" for package, version in versions.items())
    yield ""
    yield "Peers are installed as `requirements/bench-mlserver.txt` and `requirements/bench-seldon.txt` lock them."


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def _rows(count: int) -> str:
    return "1 row a request" if count == 1 else f"{count} rows a request"


def _or_dash(figure: float | None) -> str:
    return "" if figure is None else f"{figure:g}"
