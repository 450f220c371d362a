"""`python -m tests.bench`, which `tox -e bench` runs. See docs/benchmarks.md for what it writes."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from devtools import cache
from devtools.paths import ROOT

from . import chart, document, report
from .campaign import Campaign, NothingToMeasureError
from .cell import Cores
from .machine import commit, machine
from .payloads import PROTOCOLS
from .plan import QUICK, Plan
from .processes import ProgramError
from .results import About, Run
from .starting import Prepared
from .systems import ORDER, SYSTEMS

_DOCS = ROOT / "docs"
_TRIAL = ROOT / "build" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the three files, and return 0; 1 with a sentence on stderr where nothing could be measured."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    asked = _parser().parse_args(words)
    plan = _plan(asked)
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        print("bench: two cores are needed: one for the servers, one for the load generator.", file=sys.stderr)
        return 1
    cores = Cores(server=available[1], generator=available[0])
    out = asked.out or (_DOCS if plan == Plan() else _TRIAL)
    began = time.monotonic()
    # So that what was started is stopped, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="seldon-bench-") as scratch:
            run = _run(Campaign(plan, cores, Path(scratch), _say), plan, cores)
    except (NothingToMeasureError, ProgramError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    about = dataclasses.replace(
        run.about,
        command=shlex.join(["tox", "-e", "bench", *(["--", *words] if words else [])]),
        took_seconds=round(time.monotonic() - began),
    )
    _write(out, dataclasses.replace(run, about=about))
    return 0


def _run(campaign: Campaign, plan: Plan, cores: Cores) -> Run:
    with cache.exclusive():
        prepared = campaign.prepare(SYSTEMS)
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores.generator})
    try:
        uvloop.run(_measure(campaign, prepared))
    finally:
        os.sched_setaffinity(0, whole)
    found = campaign.found
    about = About(
        command="",
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        commit=commit(),
        machine=machine(),
        seconds=plan.seconds,
        took_seconds=0,
        versions=found.versions,
        systems={one.system.name: one.system.about for one in prepared},
        absent=found.absent,
    )
    return Run(about, found.entries, found.ceilings, found.hops, found.starts)


async def _measure(campaign: Campaign, prepared: Sequence[Prepared]) -> None:
    await campaign.measure_ceilings()
    for family in dict.fromkeys(protocol.family for protocol in PROTOCOLS.values()):
        await campaign.measure_family(family, prepared)


def _write(out: Path, run: Run) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "benchmarks.svg").write_text(chart.draw(run))
    document.write_data_plane(out, report.write(run), run.document())
    _say(f"wrote benchmarks.md, .json and .svg into {out} after {run.about.took_seconds:.0f} s")
    for sentence in [*run.about.absent, *report.doubts(run)]:
        _say(sentence)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tox -e bench --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 and 64 connections, one row, 1 s each: for a trial")
    parser.add_argument("--systems", type=_words(ORDER), help=f"some of {','.join(ORDER)}")
    parser.add_argument("--protocols", type=_words(tuple(PROTOCOLS)), help=f"some of {','.join(PROTOCOLS)}")
    parser.add_argument("--connections", type=_numbers, help="for example 1,64")
    parser.add_argument("--rows", type=_numbers, help="rows in a request, for example 1,100")
    parser.add_argument("--seconds", type=float, help="measured for each entry of the table")
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: docs for a whole run, otherwise build/bench)"
    )
    return parser


def _plan(asked: argparse.Namespace) -> Plan:
    names = ("systems", "protocols", "connections", "rows", "seconds")
    chosen = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    return dataclasses.replace(QUICK if asked.quick else Plan(), **chosen)


def _words(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        words = tuple(word.strip() for word in text.split(","))
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r} is unknown: choose from {', '.join(known)}")
        return words

    return read


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(word) for word in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("numbers from 1 on")
    return numbers


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
