"""Digests of files while they arrive."""

import hashlib
import os
from pathlib import Path

import pytest

from seldon_core.storage import hashing
from seldon_core.storage.hashing import Hasher

PIECE = 1000
SIZE = 4321
CONTENT = os.urandom(SIZE)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "PIECE", PIECE)


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def stretches(length: int) -> list[bytes]:
    return [md5(CONTENT[at : at + length]) for at in range(0, SIZE, length)]


@pytest.mark.parametrize("length", [1, 7, 999, 1000, 1001, 2500, SIZE])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 0], []])
def test_pieces_in_any_order_make_every_digest(tmp_path: Path, length: int, order: list[int]) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(bytes(SIZE))
    with Hasher(tmp_path) as hasher, file.open("r+b") as out:
        hasher.expect("model.bin", SIZE, length)
        for piece in order:
            out.seek(piece * PIECE)
            out.write(CONTENT[piece * PIECE : (piece + 1) * PIECE])
            out.flush()
            hasher.arrived("model.bin", piece * PIECE)
        out.seek(0)
        out.write(CONTENT)
        out.flush()

        assert hasher.digests("model.bin") == stretches(length)


def test_of_a_file_that_came_anew_nothing_is_said(tmp_path: Path) -> None:
    """Its first pieces were hashed, and then written over: the finished file is to be read."""
    file = tmp_path / "model.bin"
    file.write_bytes(CONTENT)
    with Hasher(tmp_path) as hasher:
        hasher.expect("model.bin", SIZE, PIECE)
        hasher.arrived("model.bin", 0)
        first = hasher._files["model.bin"].stretches[0]
        with hasher._change:
            assert hasher._change.wait_for(lambda: first.at == first.end, timeout=10)
        file.write_bytes(bytes(SIZE))
        for piece in range(5):
            hasher.arrived("model.bin", piece * PIECE)

        assert hasher.digests("model.bin") is None


def test_several_files(tmp_path: Path) -> None:
    with Hasher(tmp_path) as hasher:
        for name in ("a", "b", "c"):
            (tmp_path / name).write_bytes(CONTENT + name.encode())
            hasher.expect(name, SIZE + 1, SIZE + 1)
        hasher.arrived("unknown", 0)

        assert [hasher.digests(name) for name in "abc"] == [[md5(CONTENT + name.encode())] for name in "abc"]


def test_a_piece_is_read_once_it_is_there(tmp_path: Path) -> None:
    """What is hashed on its way is not read again: a change behind it does not show."""
    file = tmp_path / "model.bin"
    file.write_bytes(CONTENT)
    with Hasher(tmp_path) as hasher:
        hasher.expect("model.bin", SIZE, PIECE)
        for piece in range(5):
            hasher.arrived("model.bin", piece * PIECE)
    with Hasher(tmp_path) as hasher:
        hasher.expect("model.bin", SIZE, PIECE)
        hasher.arrived("model.bin", 0)
        first = hasher._files["model.bin"].stretches[0]
        with hasher._change:
            assert hasher._change.wait_for(lambda: first.at == first.end, timeout=10)
        file.write_bytes(bytes(SIZE))

        found = hasher.digests("model.bin")

    assert found is not None
    assert (found[0], found[1]) == (md5(CONTENT[:PIECE]), md5(bytes(PIECE)))


@pytest.mark.parametrize("content", [None, CONTENT[:-1]])
def test_a_file_that_is_not_there_or_short(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "model.bin").write_bytes(content)
    with Hasher(tmp_path) as hasher:
        hasher.expect("model.bin", SIZE, PIECE)

        assert hasher.digests("model.bin") is None


def test_leaving_does_not_wait_for_what_nobody_asks_for(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT)
    with Hasher(tmp_path) as hasher:
        hasher.expect("model.bin", SIZE, 1)
        for piece in range(5):
            hasher.arrived("model.bin", piece * PIECE)
        threads = hasher._threads

    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_a_crc_is_not_made_without_the_program(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    side_by_side: bool,  # noqa: FBT001  # a case
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "model.bin").write_bytes(CONTENT)
    with Hasher(tmp_path, side_by_side=side_by_side) as hasher:
        hasher.expect("model.bin", SIZE, PIECE, "crc64nvme")
        hasher.arrived("model.bin", 0)

        assert hasher.digests("model.bin") is None


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_other_digests(tmp_path: Path, algorithm: str) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT)
    with Hasher(tmp_path) as hasher:
        hasher.expect("model.bin", SIZE, SIZE, algorithm)

        assert hasher.digests("model.bin") == [hashlib.new(algorithm, CONTENT).digest()]
