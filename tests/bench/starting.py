"""From a system to its processes that answer rightly, and the sentence why something does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .check import right_answers
from .grpc_load import grpc_client
from .load import HOST, Client, Load
from .payloads import PROTOCOLS, Protocol, request_of
from .processes import ProgramError, Running, stop_all
from .rest_load import RestClient
from .systems import Place, System

_READY_SECONDS = 60.0
_NEXT_PROTOCOL_SECONDS = 10.0
"""Within which a server that answers one protocol must answer its others, too."""
_ANSWER_SECONDS = 10.0
_LISTEN_SECONDS = 30.0
_PAUSE_SECONDS = 0.02


@dataclass
class Prepared:
    """A system with its model; rows to ask and scikit-learn's answers to them, by rows a request."""

    system: System
    place: Place
    rows: Mapping[int, np.ndarray]
    expected: Mapping[int, np.ndarray]


@dataclass
class Up:
    """A system that runs."""

    prepared: Prepared
    programs: list[Running]
    ports: dict[str, int]
    """Of each protocol that it answers."""
    behind: dict[str, int]
    """The same, of the server behind its orchestrator."""
    seconds: float
    """From the start of its processes to its first right answer."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why protocols that it should answer are not among its ports."""


async def start(family: str, prepared: Prepared, wanted: Sequence[str], *, core: int, rows: int) -> Up | ProgramError:
    """Start it on one core and wait until it answers; or what stopped it from answering anything.

    `wanted` are names of protocols; `rows` is how many the trial request has.
    """
    began = time.monotonic()
    launch = prepared.system.launch(family, prepared.place)
    up = Up(prepared, [], {}, {}, 0.0)
    try:
        for program in launch.programs:
            up.programs.append(Running(program, core, prepared.place.scratch / f"{program.name}-{family}.log"))
        ports = {name: port for name, port in launch.ports.items() if name in wanted}
        await _until_answering(up, ports, began, rows)
    except ProgramError as error:
        stop_all(up.programs)
        return error
    except BaseException:
        stop_all(up.programs)
        raise
    if not up.ports:
        logged = "\n".join(program.log_tail() for program in up.programs)
        stop_all(up.programs)
        reasons = "; ".join(f"{name}: {reason}" for name, reason in up.absent.items())
        return ProgramError(f"no right answer within {_READY_SECONDS:.0f} s ({reasons})", logged)
    up.behind = {name: port for name, port in launch.behind.items() if name in up.ports}
    return up


async def _until_answering(up: Up, ports: Mapping[str, int], began: float, rows: int) -> None:
    """Fill in `ports`, `seconds` and `absent`. Raises ProgramError for a program that ended."""
    deadline = began + _READY_SECONDS
    while ports.keys() - up.ports.keys() and time.monotonic() < deadline:
        for program in up.programs:
            program.check()
        for name in [name for name in ports if name not in up.ports]:
            reason = await _ask_once(up.prepared, PROTOCOLS[name], ports[name], rows)
            if reason is not None:
                up.absent[name] = reason
                continue
            up.absent.pop(name, None)
            if not up.ports:
                up.seconds = round(time.monotonic() - began, 2)
                deadline = min(deadline, time.monotonic() + _NEXT_PROTOCOL_SECONDS)
            up.ports[name] = ports[name]
        await asyncio.sleep(_PAUSE_SECONDS)


async def _ask_once(prepared: Prepared, protocol: Protocol, port: int, rows: int) -> str | None:
    """Nothing where one request is answered rightly; otherwise why not."""
    load = Load([request_of(protocol, port, prepared.rows[rows][0])], port)
    load.connections = 1
    client_of(protocol)(load).ask()
    load.stopped = True  # after this one
    try:
        await asyncio.wait_for(load.quiet.wait(), _ANSWER_SECONDS)
    except TimeoutError:
        return f"no answer within {_ANSWER_SECONDS:.0f} s"
    _, wrong = right_answers(protocol, prepared.expected[rows], load.indices, load.answers)
    return next(iter([*load.failures, *wrong]), None)


async def until_listening(program: Running, port: int) -> None:
    """Wait until a program of ours has its port open. Raises ProgramError."""
    deadline = time.monotonic() + _LISTEN_SECONDS
    while time.monotonic() < deadline:
        program.check()
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            writer.close()
            return
    raise ProgramError(f"{program.name} does not listen within {_LISTEN_SECONDS:.0f} s", program.log_tail())


def client_of(protocol: Protocol) -> Callable[[Load], Client]:
    """What makes the load generator's connections for a protocol."""
    return grpc_client(protocol.path) if protocol.transport == "grpc" else RestClient
