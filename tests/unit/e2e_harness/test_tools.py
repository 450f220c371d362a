from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.harness.tools import CommandError, Tool, find


def program(folder: Path, source: str) -> Tool:
    """A program with this Python source, as a tool."""
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\n{source}\n")
    path.chmod(0o755)
    return Tool(str(path), Path("kubeconfig"))


def test_a_tool_is_bound_to_its_cluster(tmp_path: Path) -> None:
    tool = program(tmp_path, "import sys; print(sys.argv[1:], sys.stdin.read())")

    ended = tool.run(("get", "pods"), seconds=30, text="input").checked()

    assert ended.stdout == "['--kubeconfig', 'kubeconfig', 'get', 'pods'] input\n"


def test_a_failure_shows_command_and_words_but_no_input(tmp_path: Path) -> None:
    tool = program(tmp_path, "import sys; sys.stdin.read(); sys.exit('it is refused')")

    ended = tool.run(("apply", "-f", "-"), seconds=30, text="a password")

    assert ended.returncode == 1
    with pytest.raises(CommandError, match="apply -f -` ended with exit status 1: it is refused") as failure:
        ended.checked()
    assert "a password" not in str(failure.value)


def test_a_deadline_is_kept(tmp_path: Path) -> None:
    tool = program(tmp_path, "import sys; sys.stdin.read(); import threading; threading.Event().wait()")

    with pytest.raises(CommandError, match=r"did not end within 0\.2 s"):
        tool.run((), seconds=0.2, text="")


def test_the_variable_goes_before_the_path(tmp_path: Path) -> None:
    for name in ("kubectl", "other"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)

    assert find("kubectl", {"PATH": str(tmp_path)}) == str(tmp_path / "kubectl")
    assert find("kubectl", {"PATH": "", "KUBECTL": str(tmp_path / "other")}) == str(tmp_path / "other")


def test_a_missing_program_says_what_to_set() -> None:
    with pytest.raises(FileNotFoundError, match="set HELM to the path of helm"):
        find("helm", {"PATH": ""})
