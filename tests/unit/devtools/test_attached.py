"""A program that is run for a person may tidy up when it is asked to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from devtools.shell import attached

CHILD = """
import os, signal, sys
# The request may come while "ready" is being said: what says "tidied" must bear that.
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"tidied\\n"), sys.exit(7)))
os.write(1, b"ready\\n")
signal.pause()
"""
PARENT = f"""
import os, sys
from devtools.shell import attached
sys.exit(attached([sys.executable, "-c", {CHILD!r}], os.environ))
"""


def test_its_exit_status_is_returned() -> None:
    assert attached([sys.executable, "-c", "raise SystemExit(3)"], os.environ) == 3


@pytest.mark.parametrize("group", [False, True], ids=["asked alone", "Ctrl-C and then asked"])
def test_a_request_to_end_is_passed_on_and_waited_for(group: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        if group:
            parent.send_signal(signal.SIGINT)  # the parent alone gets it, and waits on
        parent.send_signal(signal.SIGTERM)

        assert parent.stdout.read() == "tidied\n"
    assert parent.returncode == 7
