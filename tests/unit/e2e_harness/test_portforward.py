"""The process side of a port-forward, on programs that behave as kubectl does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.harness.portforward import port_forward
from tests.e2e.harness.waiting import HopelessError, WaitTimeoutError

from .test_tools import program

LISTENS = """
import os, pathlib, sys, threading
pathlib.Path(__file__).with_name("process").write_text(str(os.getpid()))
pathlib.Path(__file__).with_name("arguments").write_text(" ".join(sys.argv[3:]))
print("Forwarding from 127.0.0.1:40123 -> 9000", flush=True)
threading.Event().wait()
"""


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_port_is_kubectls_and_the_process_ends_with_the_block(tmp_path: Path) -> None:
    kubectl = program(tmp_path, LISTENS)

    with port_forward(kubectl, "ns", "service/iris-default", 8000, seconds=30) as address:
        process = int((tmp_path / "process").read_text())
        assert address == "http://127.0.0.1:40123"
        assert runs(process)

    assert not runs(process)
    expected = "port-forward --namespace ns --address 127.0.0.1 service/iris-default :8000"
    assert (tmp_path / "arguments").read_text() == expected


def test_an_end_before_it_listens_is_told_at_once(tmp_path: Path) -> None:
    kubectl = program(tmp_path, "import sys; sys.exit('services \"iris\" not found')")

    with (
        pytest.raises(HopelessError, match='exit status 1: services "iris" not found'),
        port_forward(kubectl, "ns", "service/iris", 8000, seconds=30),
    ):
        pass


def test_one_that_never_listens_is_ended(tmp_path: Path) -> None:
    kubectl = program(tmp_path, LISTENS.replace("Forwarding from 127.0.0.1:40123 -> 9000", "waiting for it"))

    with (
        pytest.raises(WaitTimeoutError, match="last seen: waiting for it"),
        port_forward(kubectl, "ns", "service/iris", 8000, seconds=2),
    ):
        pass

    assert not runs(int((tmp_path / "process").read_text()))
