"""The section about downloads in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.report import table

from .results import Download, Verdict

_HOW = """\
### How downloads are measured

- MinIO and the system that downloads share the machine; nothing else runs. Both may use all cores.
- Each system is a process that is started anew, into an empty folder. Its time ends with its process, and so includes
  its start. Rounds follow one another, each with every system; figures are medians of {rounds} rounds.
- Before each run everything is written to the disk, and there is free memory for twice the model.
- Files are compared with their SHA-256 after the clock has stopped; a run with another content is an error.
- What a plain read reaches is the bound: one connection that writes what it reads. The share of it is taken round by
  round.
- Memory is the most that a system's processes had resident at once; the largest of all rounds.
- A restart is the initializer's process with the whole model in its folder: it downloads nothing.
"""


@dataclass(frozen=True)
class Facts:
    """What a reader must know beside the figures."""

    command: str
    date: str
    commit: str
    machine: Mapping[str, str]
    rounds: int
    workloads: Mapping[str, str]
    systems: Mapping[str, str]
    versions: Mapping[str, str]


def write(facts: Facts, downloads: Sequence[Download], found: Sequence[Verdict]) -> str:
    """The whole section."""
    return "\n".join([*_head(facts), *_targets(found), *_tables(downloads), *_how(facts)])


def _head(facts: Facts) -> Iterator[str]:
    machine = facts.machine
    yield "## Downloads"
    yield ""
    yield f"Written by `{facts.command}` on {facts.date}, commit {facts.commit or 'unknown'}."
    yield (
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory']} memory, Linux {machine['kernel']}. "
        "Every figure of this section is from this one run."
    )
    yield ""


def _targets(found: Sequence[Verdict]) -> Iterator[str]:
    if found:
        yield from table(
            ("target", "this run", "met"), [(one.target, one.found, "yes" if one.met else "**no**") for one in found]
        )
        yield ""


def _tables(downloads: Sequence[Download]) -> Iterator[str]:
    for workload in dict.fromkeys(each.workload for each in downloads):
        yield f"### {workload[:1].upper()}{workload[1:]}"
        yield ""
        yield from table(
            ("system", "seconds", "MB/s", "of a plain read", "CPU seconds", "peak MiB", "errors"),
            [_line(each) for each in downloads if each.workload == workload],
        )
        yield ""


def _line(each: Download) -> tuple[str, ...]:
    return (
        each.system,
        f"{each.seconds:.2f}",
        f"{each.mb_per_s:,.0f}",
        "" if each.of_plain_read is None else f"{each.of_plain_read:.0%}",
        f"{each.cpu_seconds:.2f}",
        f"{each.peak_mib:.0f}",
        str(each.errors),
    )


def _how(facts: Facts) -> Iterator[str]:
    yield _HOW.format(rounds=facts.rounds)
    yield "Models:"
    yield ""
    for name, about in facts.workloads.items():
        yield f"- **{name}**: {about}."
    yield ""
    yield "Systems:"
    yield ""
    for name, about in facts.systems.items():
        yield f"- **{name}**: {about} ({facts.versions[name]})."
    yield ""
    yield "KServe's package is installed as `requirements/bench-kserve.txt` locks it; what uploads as the tools of AWS,"
    yield "as `requirements/bench-aws.txt` does."
