"""One run: systems are prepared, started, asked in turn, and stopped.

All systems of a family of protocols are up at once, and each number of connections is measured on one after the other,
before the next number: what disturbs the machine for a while disturbs neighbours in the table alike, and ratios hold.
Those that are not asked wait for requests and take no time that could be measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from . import rows as row_pool
from .cell import Cores, Target, measure
from .load import Load, run
from .payloads import PROTOCOLS, Protocol, request_of
from .plan import Plan
from .processes import Program, ProgramError, Running, free_ports, stop_all
from .results import Ceiling, Entry, Hop, Start
from .starting import Prepared, Up, client_of, start, until_listening
from .systems import ORDER, Place, System

_HOP_CONNECTIONS = 64
_CEILING_PROTOCOLS = ("seldon-rest", "seldon-grpc")
_CEILING_WARM_UP = 0.2


class NothingToMeasureError(Exception):
    """No system is left; the text says why."""


@dataclass
class Found:
    """What a run collects."""

    entries: list[Entry] = field(default_factory=list)
    ceilings: list[Ceiling] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)


class Campaign:
    """A run by a plan. `scratch` is emptied by its owner; `say` prints a line of progress."""

    def __init__(self, plan: Plan, cores: Cores, scratch: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._cores = cores
        self._scratch = scratch
        self._say = say
        self._rows = {count: row_pool.requests(count) for count in plan.rows}
        self._requests: dict[tuple[str, int, int], list[bytes]] = {}
        self.found = Found()

    def prepare(self, systems: Sequence[System]) -> list[Prepared]:
        """Install what is missing, store the model with each system's own scikit-learn, and ask that for answers.

        Raises NothingToMeasureError where the plan names no system that can be started.
        """
        files = [self._scratch / f"rows-{count}.npy" for count in self._rows]
        for file, rows in zip(files, self._rows.values(), strict=True):
            np.save(file, rows)
        chosen = [one for one in systems if not self._plan.systems or one.name in self._plan.systems]
        places = {
            one.name: Place(self._scratch / one.name / "model", self._scratch / one.name, one.python())
            for one in chosen
        }
        self.found.absent += [
            f"{name} is not in the table: this version of the project has no such system to start."
            for name in self._plan.systems or ORDER
            if name not in places
        ]
        if not chosen:
            raise NothingToMeasureError("none of the asked systems can be started by this version of the project")
        prepared = []
        for system, training in [(one, _train(one, places[one.name], files)) for one in chosen]:
            if training.wait():
                raise ProgramError(f"{system.name}: the model cannot be stored; the reason is printed above")
            model = places[system.name].model
            expected = {count: np.load(model / file.name) for count, file in zip(self._rows, files, strict=True)}
            self.found.versions[system.name] = json.loads((model / "versions.json").read_text())
            prepared.append(Prepared(system, places[system.name], self._rows, expected))
        return prepared

    async def measure_ceilings(self) -> None:
        """How fast the load generator itself is, against a server that does nothing, on the core of the servers."""
        for protocol in [PROTOCOLS[name] for name in _CEILING_PROTOCOLS if name in self._plan.protocols]:
            (port,) = free_ports(1)
            command = [sys.executable, "-m", "tests.bench.responder", protocol.transport, str(port)]
            responder = Running(Program("responder", command), self._cores.server, self._scratch / "responder.log")
            try:
                await until_listening(responder, port)
                for rows in self._plan.rows:
                    for connections in self._plan.connections:
                        await self._measure_ceiling(protocol, port, connections, rows)
            finally:
                stop_all([responder])

    async def _measure_ceiling(self, protocol: Protocol, port: int, connections: int, rows: int) -> None:
        measured = await run(
            Load(self._rendered(protocol, port, rows), port),
            client_of(protocol),
            connections=connections,
            warm_up=_CEILING_WARM_UP,
            seconds=self._plan.ceiling_seconds,
        )
        answers = len(measured.answers)
        if measured.failures or not answers:
            raise ProgramError(f"the load generator fails against a server that does nothing: {measured.failures}")
        rate, cpu = round(answers / measured.wall), round(measured.busy / answers * 1e6, 1)
        self.found.ceilings.append(Ceiling(protocol.transport, connections, rows, rate, cpu))
        self._say(
            f"load generator, {protocol.transport}, {connections} connections, {rows} rows: {rate:,}/s, "
            f"{cpu} us of its own for each"
        )

    async def measure_family(self, family: str, prepared: Sequence[Prepared]) -> None:
        """All protocols of a family, on all systems that speak it."""
        wanted = [name for name in self._plan.protocols if PROTOCOLS[name].family == family]
        up: list[Up] = []
        try:
            for candidate in prepared:
                if wanted and family in candidate.system.families:
                    up += await self._start(family, candidate, wanted)
            for name in wanted:
                await self._measure_protocol(PROTOCOLS[name], [one for one in up if name in one.ports])
        finally:
            stop_all([program for one in up for program in one.programs])

    async def _start(self, family: str, candidate: Prepared, wanted: Sequence[str]) -> list[Up]:
        """The system, if it answers anything."""
        name = candidate.system.name
        begin = partial(start, family, candidate, wanted, core=self._cores.server, rows=self._plan.rows[0])
        started = await begin()
        if not isinstance(started, ProgramError):
            # From now on its byte code is there, as it is in an image, and the files have been read once.
            stop_all(started.programs)
            started = await begin()
        if isinstance(started, ProgramError):
            self._say(f"{name}: {started}")
            self.found.absent.append(f"{name} is not in the table for {family}: {started.reason.rstrip('.')}.")
            return []
        self._say(f"{name} answers {', '.join(started.ports)}, the first after {started.seconds} s")
        self.found.starts.append(Start(name, family, started.seconds))
        for protocol, reason in started.absent.items():
            self.found.absent.append(f"{name} is not in the table for {protocol}: {reason.rstrip('.')}.")
            self._say(self.found.absent[-1])
        return [started]

    async def _measure_protocol(self, protocol: Protocol, speaking: Sequence[Up]) -> None:
        for rows in self._plan.rows:
            for connections in self._plan.connections:
                for one in speaking:
                    if one.prepared.system.is_measured(connections, rows):
                        entry = await self._measure(one, protocol, one.ports[protocol.name], connections, rows)
                        self.found.entries.append(entry)
        for one in speaking:
            await self._measure_hop(one, protocol)

    async def _measure(self, one: Up, protocol: Protocol, port: int, connections: int, rows: int) -> Entry:
        target = Target(
            one.prepared.system.name,
            protocol,
            rows,
            self._rendered(protocol, port, rows),
            port,
            client_of(protocol),
            one.prepared.expected[rows],
            one.programs,
        )
        plan = self._plan
        entry = await measure(
            target, connections=connections, warm_up=plan.warm_up, seconds=plan.seconds, cores=self._cores
        )
        for program in one.programs:
            program.check()
        self._say(_line(entry))
        return entry

    async def _measure_hop(self, one: Up, protocol: Protocol) -> None:
        """The server behind an orchestrator, asked without it: what the orchestrator adds is the difference."""
        name = one.prepared.system.name
        through = {
            entry.result.connections: entry.result
            for entry in self.found.entries
            if (entry.result.system, entry.result.protocol, entry.result.rows) == (name, protocol.name, 1)
        }
        port = one.behind.get(protocol.name)
        if port is None or 1 not in through:
            return
        busiest = max(connections for connections in through if connections <= _HOP_CONNECTIONS)
        self._say(f"{name}'s server, asked without its executor:")
        lone = (await self._measure(one, protocol, port, 1, 1)).result
        busy = (await self._measure(one, protocol, port, busiest, 1)).result
        hop = Hop(
            protocol.name,
            round(through[busiest].cpu_us - busy.cpu_us, 1),
            round(through[1].p50_ms - lone.p50_ms, 3),
        )
        self.found.hops.append(hop)
        self._say(f"{protocol.name:12} the executor adds {hop.cpu_us} us of CPU, {hop.p50_ms} ms at p50")

    def _rendered(self, protocol: Protocol, port: int, rows: int) -> list[bytes]:
        key = (protocol.name, port, rows)
        if key not in self._requests:
            self._requests[key] = [request_of(protocol, port, one) for one in self._rows[rows]]
        return self._requests[key]


def _train(system: System, place: Place, files: Sequence[Path]) -> subprocess.Popen[bytes]:
    """Store the model by the system's own interpreter."""
    words = ["--folder", place.model, "--rows", *files, "--versions", *system.packages]
    program = [place.python, Path(__file__).with_name("model.py"), *words]
    return subprocess.Popen([str(word) for word in program])


def _line(entry: Entry) -> str:
    """A line of progress."""
    result = entry.result
    reasons = "".join(f"\n    {count} x {reason}" for reason, count in entry.failures.items())
    return (
        f"{result.protocol:12} {result.rows:3} rows {result.connections:3} connections  {result.system:20}"
        f"{result.rps:9,.0f}/s  p50 {result.p50_ms:8.2f} ms  p99 {result.p99_ms:8.2f} ms  {result.cpu_us:7.0f} us"
        f"  {result.rss_mb:5.0f} MB  {result.errors} errors  (generator {entry.noise.generator:.0%},"
        f" others {entry.noise.others:.0%}){reasons}"
    )
