"""The command line: reads what is asked, has it run, writes the reports and says the verdict last."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from devtools.paths import ROOT

from . import plan, repository, runner
from .chart import ChartError, default_previous, take, take_previous
from .report import write_all
from .results import Store
from .stage import Chart, Context, Stage
from .stages import ALL
from .verdict import decide

REPORT = ROOT / "build" / "release-report"
EPILOG = """\
Stages that passed are not run again while the chart, the previous chart, the images and the questions are the same;
--fresh runs them all. The last lines say `ship`, or `do not ship:` and the reasons, one a line.

exit status:
  0    ship
  1    do not ship
  2    wrong usage
  130  interrupted; the same command goes on where it stopped
"""


class UsageError(Exception):
    """What was asked for cannot be done; one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    with contextlib.suppress(ValueError):  # not the main thread, as in a test
        signal.signal(signal.SIGTERM, _stop)
    try:
        return _carry_out(asked)
    except (ChartError, plan.UnknownStageError, UsageError) as wrong:
        print(f"release-validate: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("release-validate: interrupted before the first stage; nothing was decided.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="release-validate",
        description="Decide whether a chart is safe to ship, and leave a report that says why.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(stage.name for stage in ALL)
    add = parser.add_argument
    add("--chart", default=str(ROOT / repository.CHART), metavar="PATH", help="folder or package (default: this one)")
    add("--previous", metavar="PATH|REF", help="what users have now: folder, package or commit (default: see docs)")
    add("--stage", action="append", default=[], metavar="NAME", help=f"this stage alone; again for more: {names}")
    add(
        "--report",
        type=Path,
        default=REPORT,
        metavar="DIR",
        help="where the report goes (default: build/release-report)",
    )
    add("--values", action="append", default=[], type=Path, metavar="FILE", help="values that it is installed with")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="take over what passed before (the default)")
    again.add_argument("--fresh", action="store_true", help="run every stage again")
    add(
        "--sign-key",
        default="",
        metavar="KEY",
        help="sign the package with this key of your GnuPG (default: a throw-away)",
    )
    add("--vulnerability-db", type=Path, metavar="PATH", help="known vulnerabilities: a folder or zip of OSV files")
    add("--keep", action="store_true", help="keep the test cluster for the next run")
    add("--needs-to", type=Path, help=argparse.SUPPRESS)  # for scripts/release-validate: what has to be provided
    return parser


def _carry_out(asked: argparse.Namespace) -> int:
    stages = plan.choose(ALL, asked.stage)
    with _report_folder(asked.report) as report:
        context = _context(asked, report)
        store = Store(report)
        if asked.needs_to:
            left = stages if asked.fresh else runner.outstanding(stages, context, store)
            asked.needs_to.write_text(",".join(plan.needs(left)), encoding="utf-8")
            return 0
        _introduce(context, stages)
        done = runner.run(stages, context, store, fresh=asked.fresh, tell=_tell)
        verdict = decide(done, [stage.name for stage in ALL])
        for file in write_all(report, context, done, verdict):
            _tell(f"report: {file}")
        _tell("\n".join(verdict.lines()))
        if done.interrupted:
            return 130
        return 0 if verdict.ship else 1


def _context(asked: argparse.Namespace, report: Path) -> Context:
    for file in [*asked.values, *([asked.vulnerability_db] if asked.vulnerability_db else [])]:
        if not file.exists():
            raise UsageError(f"{file}: there is no such file.")
    chart = take(asked.chart, report / "charts" / "chart", option="--chart")
    into = report / "charts" / "previous"
    previous = take_previous(asked.previous, into) if asked.previous else default_previous(chart, into)
    return Context(
        chart=chart,
        previous=previous,
        report=report,
        work=report / "files",
        values=tuple(file.resolve() for file in asked.values),
        sign_key=asked.sign_key,
        vulnerability_db=asked.vulnerability_db.resolve() if asked.vulnerability_db else None,
    )


def _introduce(context: Context, stages: Sequence[Stage]) -> None:
    _tell(f"chart: {_named(context.chart)}")
    _tell(f"previous: {_named(context.previous) if context.previous else 'none was found'}")
    _tell(f"stages: {', '.join(stage.name for stage in stages)}")


def _named(chart: Chart) -> str:
    return f"{chart.name} {chart.version} ({chart.source})"


@contextlib.contextmanager
def _report_folder(folder: Path) -> Iterator[Path]:
    """Have the report folder to this run alone. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as refused:
        raise UsageError(f"--report {folder}: {refused.strerror}; name a folder that can be written.") from refused
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"--report {folder}: another run writes there; wait for it, or name another.") from None
        yield folder.resolve()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Treat a request to end as Ctrl-C: what was found so far is kept and reported."""
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    print(text, flush=True)
