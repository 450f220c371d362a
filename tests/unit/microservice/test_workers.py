"""Several processes behind the same ports: the program itself, its workers killed and replaced."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seldon_core.microservice.settings import parse
from seldon_core.microservice.siblings import merged
from seldon_core.proto import prediction_pb2
from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError
from seldon_core.transport.rpc_client import RpcPool
from tests.unit.executor.stand import encoded, unit
from tests.unit.executor.test_main import free_port

pytestmark = pytest.mark.asyncio

MODEL = """
import os, threading
def say(text):
    os.write(2, text.encode() + b"\\n")  # whole lines, whoever else writes
class Model:
    def __init__(self):
        say(f"made {{os.getpid()}}")
    def load(self):
        say(f"loaded {{os.getpid()}}")
        {load}
    def predict(self, X, names=None):
        if X.ravel()[0] == 9:
            os._exit(7)
        if X.ravel()[0] == 5:
            say("slow")
            threading.Event().wait(1)
        return [[os.getpid()]]
    def metrics(self):
        return [{{"type": "COUNTER", "key": "asked", "value": 1}}]
    def custom_service(self):
        say(f"custom {{os.getpid()}}")
        threading.Event().wait()
"""


class Program:
    """A running microservice; `lines` are those of its log, JSON objects and plain texts."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._more = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())
        self.ports: dict[str, int] = {}

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode().rstrip())
            self._more.set()

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait for something in the log."""
        try:
            async with asyncio.timeout(20):
                while not holds():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            pytest.fail("\n".join(self.lines))

    def said(self, message: str) -> list[dict[str, Any]]:
        """The log's entries with this message."""
        entries = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [entry for entry in entries if entry["message"] == message]

    def numbers(self, word: str) -> list[int]:
        """The process numbers behind a word that the model printed."""
        return [int(line.split()[1]) for line in self.lines if line.startswith(f"{word} ")]

    async def ended(self) -> int:
        status = await asyncio.wait_for(self.process.wait(), 20)
        await self._reading
        return status


@asynccontextmanager
async def running(
    folder: Path, *arguments: str, load: str = "pass", serving: int = 2, **variables: str
) -> AsyncIterator[Program]:
    (folder / "Model.py").write_text(MODEL.format(load=load))
    ports = {f"PREDICTIVE_UNIT_{name}_SERVICE_PORT": "0" for name in ("HTTP", "GRPC", "METRICS")}
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "seldon_core.microservice.main", "Model", *arguments),
        cwd=folder,
        env={**os.environ, **ports, **variables, "PYTHONPATH": paths},
        stderr=asyncio.subprocess.PIPE,
    )
    program = Program(process)
    try:
        await program.until(lambda: program.said("ports are kept"))
        if serving:
            await program.until(lambda: len(program.said("worker serves")) >= serving)
        program.ports = program.said("ports are kept")[-1]
        yield program
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0)
            process.send_signal(signal.SIGTERM)
            await program.ended()


async def ask(program: Program, number: int = 1, path: str = "/predict") -> int:
    """The process that answers a new connection."""
    pool = HttpPool()
    try:
        body = json.dumps({"data": {"ndarray": [[number]]}}).encode()
        answer = await pool.request("127.0.0.1", program.ports["http_port"], "POST", path, body=body)
        assert answer.status == 200
        return int(json.loads(answer.body)["data"]["ndarray"][0][0])
    finally:
        await pool.close()


async def ask_rpc(program: Program) -> int:
    pool = RpcPool()
    message = prediction_pb2.SeldonMessage()
    message.data.ndarray.values.add().list_value.values.add().number_value = 1
    try:
        port = program.ports["grpc_port"]
        answer = await pool.call("127.0.0.1", port, "/seldon.protos.Seldon/Predict", message.SerializeToString())
    finally:
        await pool.close()
    values = prediction_pb2.SeldonMessage.FromString(answer).data
    return int(
        values.tensor.values[0]
        if values.HasField("tensor")
        else values.ndarray.values[0].list_value.values[0].number_value
    )


async def asked_by_all(ask_one: Callable[[], Any], wanted: set[int]) -> int:
    """Ask until each of these processes has answered; gives how often."""
    seen: set[int] = set()
    for count in range(1, 1000):
        seen.add(await ask_one())
        if seen >= wanted:
            return count
    raise AssertionError(f"{wanted - seen} never answered")


async def exposition(program: Program) -> str:
    """What the metrics port tells."""
    pool = HttpPool()
    text = (await pool.request("127.0.0.1", program.ports["metrics_port"], "GET", "/metrics")).body.decode()
    await pool.close()
    return text


async def counted(program: Program) -> dict[str, float]:
    """The custom counter, by worker."""
    text = await exposition(program)
    assert text.count("# TYPE asked_total counter") == 1
    return {
        worker: float(value)
        for worker, value in re.findall(r'^asked_total{.*worker_id="(\d+)"} (\S+)$', text, re.MULTILINE)
    }


async def test_workers_share_the_ports_and_the_metrics_port_tells_of_all(tmp_path: Path) -> None:
    async with running(tmp_path, "--workers", "2", "--pidfile", str(tmp_path / "number")) as program:
        assert (tmp_path / "number").read_text() == f"{program.process.pid}\n"
        pids = {entry["pid"] for entry in program.said("worker serves")}
        rest = await asked_by_all(lambda: ask(program), pids)
        rpc = await asked_by_all(lambda: ask_rpc(program), pids)
        for _ in range(4):  # whichever worker is asked
            metrics = await counted(program)
            assert set(metrics) == {str(pid) for pid in pids}
            assert sum(metrics.values()) == rest + rpc
        assert len(program.numbers("made")) == 1, "the constructor runs once, in the parent"
        assert set(program.numbers("loaded")) == pids, "load runs in each worker"
        (custom,) = program.numbers("custom")
        assert custom not in {program.process.pid, *pids}, "a process of its own"


async def test_a_worker_that_dies_costs_its_own_requests_and_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path, "--workers", "2") as program:
        first = {entry["pid"] for entry in program.said("worker serves")}
        with pytest.raises(CallError):
            await ask(program, 9)
        await program.until(lambda: len(program.said("worker serves")) == 3)
        (death,) = program.said("worker died")
        assert death["how"] == "ended with status 7"
        successor = program.said("worker serves")[-1]
        assert successor["slot"] == death["slot"]
        await asked_by_all(lambda: ask(program), (first - {death["pid"]}) | {successor["pid"]})
        os.kill(successor["pid"], signal.SIGKILL)
        await program.until(lambda: len(program.said("worker serves")) == 4)
        assert program.said("worker died")[-1]["how"] == "was killed by SIGKILL"


@pytest.mark.parametrize(
    ("load", "says", "deaths"),
    [
        ("raise ValueError('no model today')", "Model raised ValueError: no model today.", 0),
        ("os._exit(9)", "died 5 times in a row, each within 10 s of its start; the last one ended with status 9.", 5),
    ],
)
async def test_workers_that_cannot_start_end_the_process_with_one_sentence(
    load: str, says: str, deaths: int, tmp_path: Path
) -> None:
    async with running(tmp_path, "--workers", "2", load=load, serving=0) as program:
        assert await program.ended() == 1
        plain = [line for line in program.lines if line.startswith("seldon-core-microservice: ")]
        assert len(plain) == 1
        assert says in plain[0]
        assert len(program.said("worker died")) == deaths


async def test_a_signal_reaches_all_workers_and_what_is_in_flight_is_finished(tmp_path: Path) -> None:
    async with running(tmp_path, "--workers", "2") as program:
        slow = asyncio.ensure_future(ask(program, 5))
        await program.until(lambda: "slow" in program.lines)
        program.process.send_signal(signal.SIGTERM)
        await program.until(lambda: len(program.said("stopping")) == 2)
        program.process.send_signal(signal.SIGTERM)  # no longer wait for clients
        assert await slow in {entry["pid"] for entry in program.said("worker serves")}
        assert await program.ended() == 0
        assert program.said("worker died") == []


async def test_workers_do_not_outlive_their_supervisor(tmp_path: Path) -> None:
    async with running(tmp_path, "--workers", "2") as program:
        program.process.kill()
        await program.ended()  # the end of the log, too, which the workers write
        assert len(program.said("stopping")) == 2


async def test_a_model_that_is_loaded_before_the_fork_is_loaded_once(tmp_path: Path) -> None:
    async with running(tmp_path, "--workers", "2", "--preload") as program:
        assert program.numbers("loaded") == [program.process.pid]
        await asked_by_all(lambda: ask(program), {entry["pid"] for entry in program.said("worker serves")})


async def test_a_model_whose_threads_no_fork_keeps_is_loaded_by_each_worker(tmp_path: Path) -> None:
    load = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    async with running(tmp_path, "--workers", "2", "--preload", load=load) as program:
        pids = {entry["pid"] for entry in program.said("worker serves")}
        assert set(program.numbers("loaded")) == {program.process.pid, *pids}
        await asked_by_all(lambda: ask(program), pids)


async def test_a_worker_is_replaced_after_its_requests_and_none_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, "--max-requests", "30", serving=1) as program:
        async with asyncio.timeout(20):
            while len(program.said("worker serves")) < 3:
                await ask(program)
        assert program.said("worker died") == []


async def test_an_orchestrator_in_each_worker_shares_its_port_and_its_metrics_are_added_up(tmp_path: Path) -> None:
    port, rpc_port = free_port(), free_port()
    flags = f"--sdep m --namespace n --predictor p --http_port {port} --grpc_port {rpc_port}"
    graph = encoded(unit("classifier", 9000))
    async with running(tmp_path, "--workers", "2", SELDON_EXECUTOR_ARGS=flags, ENGINE_PREDICTOR=graph) as program:
        kept = program.ports
        program.ports = {"http_port": port}
        count = await asked_by_all(
            lambda: ask(program, path="/api/v1.0/predictions"),
            {entry["pid"] for entry in program.said("worker serves")},
        )
        program.ports = kept
        text = await exposition(program)
        name = "seldon_api_executor_server_requests_seconds_count"
        assert [line.split()[-1] for line in text.splitlines() if line.startswith(name)] == [f"{float(count)}"]


async def test_options_of_v1_17_1() -> None:
    settings = parse(
        ["M"], {"GUNICORN_WORKERS": "3", "GRPC_WORKERS": "4", "GRPC_THREADS": "5", "GUNICORN_KEEPALIVE": "2"}
    )
    assert (settings.workers.processes, settings.threads, settings.workers.keep_alive_seconds) == (4, 5, 2.0)
    assert settings.workers.supervised
    settings = parse(["M", "--threads", "8", "--single-threaded", "1"], {"GUNICORN_MAX_REQUESTS": "7"})
    assert (settings.threads, settings.workers.processes, settings.workers.max_requests) == (1, 1, 7)
    assert settings.workers.supervised
    assert not parse(["M"], {}).workers.supervised


async def test_metrics_with_the_same_labels_are_added_up() -> None:
    one = b'# HELP h \n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_count 3\nh_sum 1.5\n'
    other = b'# HELP c_total x\n# TYPE c_total counter\nc_total{a="b"} 4\nc_total{a="c"} 1\n'
    assert merged([one + other, one + other, b""]).decode() == (
        '# HELP h \n# TYPE h histogram\nh_bucket{le="1"} 4.0\nh_bucket{le="+Inf"} 6.0\nh_count 6.0\nh_sum 3.0\n'
        '# HELP c_total x\n# TYPE c_total counter\nc_total{a="b"} 8.0\nc_total{a="c"} 2.0\n'
    )
