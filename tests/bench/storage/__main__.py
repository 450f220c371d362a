"""`python -m tests.bench.storage`, which `tox -e bench-storage` runs. See docs/benchmarks.md for what it writes."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devtools import cache, gobuild
from devtools.paths import ROOT, cache_dir
from tests.bench import document
from tests.bench.machine import commit, machine
from tests.bench.processes import ProgramError

from . import measure, report
from .results import Download, Found, verdicts
from .store import AWS_CLI, BOTO3, MIB, RCLONE_PLAIN, Model, Store, Workload, digest, serve
from .systems import OURS, SYSTEMS, System, aws_python, peer_python

_RESTARTS = 11


def _workloads(large_mib: int) -> tuple[Workload, ...]:
    size = "2 GiB" if large_mib == 2048 else f"{large_mib} MiB"
    return (
        Workload(
            f"one file of {size}",
            "large",
            1,
            large_mib * MIB,
            "uploaded by boto3 of today as it comes: in parts of 8 MiB, with a CRC32 made of the parts' CRC32",
            BOTO3,
        ),
        Workload(
            f"one file of {size}, uploaded as the CLI of AWS does",
            "whole",
            1,
            large_mib * MIB,
            "in parts of 8 MiB, with a CRC64NVME of the whole, which S3 itself adds to what comes without a checksum",
            AWS_CLI,
        ),
        Workload(
            f"one file of {size}, uploaded as older tools do",
            "parts",
            1,
            large_mib * MIB,
            "in parts of 8 MiB: the ETag is made of the parts' MD5, and nothing else in the store tells what is in it",
            RCLONE_PLAIN,
        ),
        Workload(
            f"one file of {size}, uploaded by rclone",
            "noted",
            1,
            large_mib * MIB,
            "in parts of 5 MiB, with an ETag made of the parts' MD5; rclone notes the whole's MD5",
        ),
        Workload("200 files of 1 MiB", "middle", 200, MIB, "each has its MD5 as ETag"),
        Workload("2,000 files of 4 KiB", "small", 2000, 4096, "each has its MD5 as ETag"),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the section, and return 0; 1 with a sentence on stderr where nothing could be measured."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    asked = _parser().parse_args(words)
    # So that MinIO is stopped, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    workloads = [each for each in _workloads(asked.large_mib) if not asked.only or each.folder in asked.only]
    systems = [each for each in SYSTEMS if not asked.systems or each.name in asked.systems]
    with cache.exclusive():
        recipes = (gobuild.MINIO, gobuild.RCLONE, gobuild.PARTSUMS)
        minio, rclone, partsums = (gobuild.build(recipe) / recipe.name for recipe in recipes)
        peer_python()
        uploader = aws_python()
    try:
        # Not in /tmp, which may be memory.
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=cache_dir()) as folder,
            serve(minio, rclone, partsums, uploader, Path(folder)) as store,
        ):
            found = Found()
            for workload in workloads:
                _say(f"{workload.name}: uploading")
                model = store.upload(workload, Path(folder))
                _measure(found, Bench(store, model, Path(folder)), systems, asked.rounds)
                store.forget(model)
            downloads = _downloads(found, workloads, systems)
            versions = {each.name: each.versions(store) for each in systems}
    except ProgramError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    facts = report.Facts(
        command=shlex.join(["tox", "-e", "bench-storage", *(["--", *words] if words else [])]),
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        commit=commit(),
        machine=machine(),
        rounds=asked.rounds,
        workloads={each.name: each.about for each in workloads},
        systems={each.name: each.about for each in systems},
        versions=versions,
    )
    _write(asked.out or (ROOT / "build" / "bench" if words else ROOT / "docs"), facts, downloads, found)
    return 1 if any(each.errors for each in downloads) else 0


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where one model is measured."""

    store: Store
    model: Model
    scratch: Path

    @property
    def log(self) -> Path:
        """What the last program printed."""
        return self.scratch / "log"

    @property
    def folder(self) -> Path:
        """Where the model goes."""
        return self.scratch / "download"


def _measure(found: Found, bench: Bench, systems: Sequence[System], rounds: int) -> None:
    name = bench.model.workload.name
    for number in range(rounds + 1):
        for system in systems:
            bench.folder.mkdir()
            program = system.program(bench.store, bench.model, bench.folder)
            measure.settle(2 * bench.model.workload.bytes)
            measured = measure.run(program, bench.log)
            right = measured.status == 0 and (not system.keeps or _is_right(bench.folder, bench.model))
            # The first round is for byte code, and for MinIO to have seen the objects.
            if number:
                found.add(name, system.name, measured, right=right)
            _say(
                f"{name}, round {number}, {system.name}: {measured.seconds:.2f} s, {measured.cpu_seconds:.2f} s CPU, "
                f"{measured.peak_mib:.0f} MiB{'' if right else ', WRONG'}"
            )
            if not right:
                _say(bench.log.read_text(errors="replace")[-1000:])
            if number == rounds and system.name == OURS and bench.model.workload.count == 1 and right:
                found.restarts += [measure.run(program, bench.log).seconds for _ in range(_RESTARTS)]
            shutil.rmtree(bench.folder)


def _is_right(folder: Path, model: Model) -> bool:
    """Whether the folder holds the model's files; what a system adds of its own has a name with a dot before it."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): digest(path) for path in found} == model.sums


def _downloads(found: Found, workloads: Sequence[Workload], systems: Sequence[System]) -> list[Download]:
    return [
        found.download(workload.name, system.name, workload.bytes, workload.count)
        for workload in workloads
        for system in systems
    ]


def _write(out: Path, facts: report.Facts, downloads: list[Download], found: Found) -> None:
    judged = verdicts(downloads, found)
    out.mkdir(parents=True, exist_ok=True)
    document.write_downloads(
        out,
        report.write(facts, downloads, judged),
        {
            "downloads": [dataclasses.asdict(each) for each in downloads],
            "downloads_about": {
                **dataclasses.asdict(facts),
                "restart_seconds": [round(seconds, 3) for seconds in found.restarts],
            },
        },
    )
    _say(f"wrote the section about downloads into {out}")
    for verdict in judged:
        _say(f"{'met' if verdict.met else 'MISSED'}: {verdict.target}: {verdict.found}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tox -e bench-storage --", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each model")
    parser.add_argument("--large-mib", type=int, default=2048, help="size of the large file")
    parser.add_argument("--only", type=_words, help="some of large,whole,parts,noted,middle,small")
    parser.add_argument("--systems", type=_words, help=f"some of {','.join(each.name for each in SYSTEMS)}")
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: docs for a whole run, otherwise build/bench)"
    )
    return parser


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
