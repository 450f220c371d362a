"""Log lines are JSON objects, whatever they hold."""

import json
import logging

import pytest

from seldon_core.transport import logs


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield None
    root.setLevel(level)
    root.handlers[:] = handlers


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("x").debug("unseen")
    try:
        int("why\nnot")
    except ValueError:
        logging.getLogger("x").exception("two\nlines", extra={"port": 1, "thing": object})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["level"], line["logger"], line["message"], line["port"]) == ("error", "x", "two\nlines", 1)
    assert "ValueError: invalid literal" in line["exception"]


def test_an_unknown_level_is_info_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("loud")
    assert logging.getLogger().level == logging.INFO
    assert json.loads(capsys.readouterr().err)["wanted"] == "loud"
