"""A failed program's error shows the command, the reason and what the program said last."""

from __future__ import annotations

import pytest

from devtools.shell import CommandFailedError, output, run, succeeds


def test_output_is_what_the_program_printed() -> None:
    assert output(["sh", "-c", "echo out; echo err >&2"]) == "out"


def test_a_failure_tells_status_and_last_words() -> None:
    with pytest.raises(CommandFailedError, match=r"ended with status 3:\nbefore\nwhat went wrong"):
        run(["sh", "-c", "echo before; echo what went wrong >&2; exit 3"])


def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(CommandFailedError, match=r"did not end within 0 s:\nstarted"):
        run(["sh", "-c", "echo started; exec sleep 60"], timeout=0.3)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandFailedError, match=r"no-such-program.*cannot be started"):
        run(["no-such-program"])


def test_succeeds_tells_status() -> None:
    assert succeeds(["true"])
    assert not succeeds(["false"])
    assert not succeeds(["no-such-program"])
