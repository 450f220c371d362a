"""The project's targets for the data plane, held against one run. Ratios are between figures of the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .results import Result, Run

OURS = ("embedded", "sidecar")
PEER = "mlserver"


@dataclass(frozen=True)
class Verdict:
    """A target, what the run found, and whether that meets it."""

    target: str
    found: str
    met: bool


def verdicts(run: Run) -> list[Verdict]:
    """Of every target whose figures are in the run."""
    return [*_against_peer(run), *_hop(run), *_memory(run), *_start(run)]


def find(run: Run, system: str, protocol: str, connections: int, rows: int = 1) -> Result | None:
    """One entry of the table, or nothing where it was not measured."""
    wanted = (system, protocol, connections, rows)
    for entry in run.entries:
        result = entry.result
        if (result.system, result.protocol, result.connections, result.rows) == wanted:
            return result
    return None


def _main(run: Run) -> str:
    """What a user of our own servers gets: the embedded executor; before that was there, the sidecar."""
    measured = {entry.result.system for entry in run.entries}
    return next((name for name in OURS if name in measured), OURS[0])


def _against_peer(run: Run) -> Iterator[Verdict]:
    name = _main(run)
    peers = {"rest": "v2-rest", "grpc": "v2-grpc"}
    for protocol, least, times in (
        ("seldon-rest", 15_000, 15),
        ("v2-rest", 15_000, 15),
        ("seldon-grpc", 4_000, 3),
        ("v2-grpc", 4_000, 3),
    ):
        ours = find(run, name, protocol, 64)
        peer = find(run, PEER, peers[protocol.partition("-")[2]], 64)
        where = f"{name}, {protocol}, 64 connections"
        if ours:
            yield _verdict(f"{where}: at least {least:,} requests/s", f"{ours.rps:,.0f}", ours.rps >= least)
            if protocol.endswith("rest"):
                yield _verdict(f"{where}: p99 at most 15 ms", f"{ours.p99_ms:.1f} ms", ours.p99_ms <= 15)
        if ours and peer and peer.rps:
            ratio = ours.rps / peer.rps
            yield _verdict(f"{where}: at least {times}x MLServer's {peer.rps:,.0f}/s", f"{ratio:.1f}x", ratio >= times)
    for protocol in ("seldon-rest", "v2-rest"):
        ours, peer = find(run, name, protocol, 1), find(run, PEER, "v2-rest", 1)
        where = f"{name}, {protocol}, 1 connection"
        if ours:
            yield _verdict(f"{where}: p50 at most 0.6 ms", f"{ours.p50_ms:.2f} ms", 0 < ours.p50_ms <= 0.6)
        if ours and peer and peer.p50_ms:
            share = ours.p50_ms / peer.p50_ms
            yield _verdict(
                f"{where}: p50 at most half of MLServer's {peer.p50_ms:.2f} ms", f"{share:.2f} of it", 0 < share <= 0.5
            )


def _hop(run: Run) -> Iterator[Verdict]:
    for hop in run.hops:
        if hop.protocol.endswith("rest"):
            where = f"the executor as a sidecar, {hop.protocol}"
            yield _verdict(f"{where}: at most 40 us CPU a request", f"{hop.cpu_us:.0f} us", hop.cpu_us <= 40)
            yield _verdict(f"{where}: at most 0.2 ms added at p50", f"{hop.p50_ms:.2f} ms", hop.p50_ms <= 0.2)


def _memory(run: Run) -> Iterator[Verdict]:
    found = [entry.result.rss_mb for entry in run.entries if entry.result.system == "embedded"]
    if found:
        yield _verdict("embedded: at most 200 MB after load", f"{max(found):.0f} MB", max(found) <= 200)


def _start(run: Run) -> Iterator[Verdict]:
    for start in run.starts:
        if start.system == "embedded":
            yield _verdict(
                f"embedded, {start.family}: the first right answer within 2 s of its process's start",
                f"{start.seconds:.1f} s",
                start.seconds <= 2,
            )


def _verdict(target: str, found: str, met: bool) -> Verdict:  # noqa: FBT001 - read in its place, after what it is about
    return Verdict(target, found, met)
