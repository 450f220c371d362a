"""Hashing side by side: what is asked of the program, and what happens where it fails.

The real one is tested in tests/integration; here a program in its place says how the protocol goes.
"""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from seldon_core.storage import hashing
from seldon_core.storage.hashing import Hasher

SIZE = 50_000
LENGTH = 700
CONTENT = os.urandom(SIZE)
WORKS = """
import hashlib, json, sys
answers = []
for number, line in enumerate(sys.stdin):
    asked = json.loads(line)
    with open(asked["path"], "rb") as stream:
        stream.seek(asked["offset"])
        digest = hashlib.md5(stream.read(asked["length"])).hexdigest()
    print(number, digest, flush=True)
"""
FAILS = {
    "says that it failed": "import sys\nfor number, _ in enumerate(sys.stdin): print(number, '-', flush=True)",
    "ends": "input()",
    "ends at once": "",
    "talks": "import sys\nfor _ in sys.stdin: print('hello', flush=True)",
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin" / "partsums"
    path.parent.mkdir()
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(hashing, "PIECE", 1000)
    (tmp_path / "model.bin").write_bytes(CONTENT)
    return path


def install(path: Path, text: str) -> None:
    path.write_text(f"#!{sys.executable} -SE\n{text}", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("pieces", [0, 10, 50])
def test_parts_are_hashed_by_the_program(program: Path, tmp_path: Path, pieces: int) -> None:
    install(program, WORKS)
    with Hasher(tmp_path, side_by_side=True) as hasher:
        hasher.expect("model.bin", SIZE, LENGTH)
        for piece in range(pieces):
            hasher.arrived("model.bin", piece * 1000)
        found = hasher.digests("model.bin")
        count = hasher._lanes._count if hasher._lanes else 0

    expected = [CONTENT[at : at + LENGTH] for at in range(0, SIZE, LENGTH)]
    assert found == [hashlib.md5(part, usedforsecurity=False).digest() for part in expected]
    assert count == len(expected)


@pytest.mark.parametrize("case", FAILS)
def test_a_program_that_fails_is_no_proof(program: Path, tmp_path: Path, case: str) -> None:
    """Whoever asked hashes again, without it."""
    install(program, FAILS[case])
    with Hasher(tmp_path, side_by_side=True) as hasher:
        hasher.expect("model.bin", SIZE, LENGTH)
        hasher.arrived("model.bin", 0)

        assert hasher.digests("model.bin") is None


def test_whole_files_need_no_program(program: Path, tmp_path: Path) -> None:
    install(program, FAILS["ends at once"])
    with Hasher(tmp_path, side_by_side=True) as hasher:
        hasher.expect("model.bin", SIZE, SIZE)

        assert hasher.digests("model.bin") == [hashlib.md5(CONTENT, usedforsecurity=False).digest()]


def test_leaving_ends_the_program(program: Path, tmp_path: Path) -> None:
    install(program, "import time\ntime.sleep(600)")
    with Hasher(tmp_path, side_by_side=True) as hasher:
        hasher.expect("model.bin", SIZE, LENGTH)
        for piece in range(20):
            hasher.arrived("model.bin", piece * 1000)
        running = hasher._lanes

    assert running is not None
    assert running._process.returncode is not None
