"""The entry point, and the files that `-f` names."""

import subprocess
import sys
from pathlib import Path

import pytest

from seldon_core.cli.errors import CommandError
from seldon_core.cli.main import COMMANDS, main
from seldon_core.cli.sources import expand


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    out = capsys.readouterr().out

    assert ended.value.code == 0
    assert "exit status:" in out
    assert max(map(len, out.splitlines())) <= 120


def test_the_overview_names_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out

    assert all(f"    {name} " in out for name in COMMANDS)


@pytest.mark.parametrize(
    ("typed", "words"), [("stauts", "did you mean status?"), ("xyz", "there are: diff, migrate, render")]
)
def test_an_unknown_command(typed: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([typed])

    assert ended.value.code == 2
    assert f"{typed} is no command; {words}" in capsys.readouterr().err


def test_without_the_kubernetes_client_what_needs_no_cluster_works() -> None:
    script = (
        "import sys; sys.modules['lightkube'] = sys.modules['httpx2'] = None\n"
        "from seldon_core.cli.main import main; raise SystemExit(main(sys.argv[1:]))"
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)

    assert run("render", "--help").returncode == 0
    refused = run("status")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "pip install 'seldon-core-operator[cli]'" in refused.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.yaml", "a.yml", "c.json", "README.md", "deep/d.yaml", "empty/x.txt"):
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "recursive", "found"),
    [
        (["models"], False, ["models/a.yml", "models/b.yaml", "models/c.json"]),
        (["models"], True, ["models/a.yml", "models/b.yaml", "models/c.json", "models/deep/d.yaml"]),
        (["models/README.md"], False, ["models/README.md"]),
        (["models/*.yaml", "models/b.yaml"], False, ["models/b.yaml"]),
        (["models/**/*.yaml"], False, ["models/b.yaml", "models/deep/d.yaml"]),
        (["-", "models/c.json"], False, ["-", "models/c.json"]),
    ],
)
def test_files(folder: Path, names: list[str], recursive: bool, found: list[str]) -> None:  # noqa: FBT001 - a column
    assert expand(names, recursive=recursive) == found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("models/b.yml", r"models/b\.yml: there is no such file; did you mean models/b\.yaml\?"),
        ("nowhere/at/all.yaml", r"there is no such file\.$"),
        ("models/*.toml", r"no file fits this pattern"),
        ("models/empty", r"no file with the ending \.json, \.yaml, \.yml in this folder itself; -R reads"),
    ],
)
def test_what_is_no_file(folder: Path, name: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        expand([name])


def test_standard_input_is_read_once() -> None:
    with pytest.raises(CommandError, match="once only"):
        expand(["-", "-"])
