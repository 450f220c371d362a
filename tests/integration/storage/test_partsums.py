"""The program `partsums`: its digests are those of Python, of parts of any length, many at once."""

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from seldon_core.storage import crc

SIZE = 2_000_000
# Around blocks of MD5, and around what is read at once.
LENGTHS = (
    0,
    1,
    55,
    56,
    63,
    64,
    65,
    119,
    120,
    32_704,
    32_712,
    32_759,
    32_760,
    32_767,
    32_768,
    32_769,
    65_536,
    1_000_003,
)
COUNTS = (1, 2, 15, 16, 17)


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(7).randbytes(SIZE)  # noqa: S311  # no secret


def digests(path: Path, parts: list[tuple[int, int]], algorithm: str) -> list[str]:
    """What the program says of parts, each an offset and a length."""
    asked = (
        {"path": str(path), "offset": offset, "length": length, "algorithm": algorithm} for offset, length in parts
    )
    answered = subprocess.run(
        [os.environ["PARTSUMS"]],
        input="".join(f"{json.dumps(each)}\n" for each in asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found = dict(line.split() for line in answered.stdout.splitlines())
    return [found[str(number)] for number in range(len(parts))]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_parts_of_any_length(tmp_path: Path, content: bytes, algorithm: str) -> None:
    (tmp_path / "file").write_bytes(content)
    chance = random.Random(11)  # noqa: S311  # no secret
    parts = [(chance.randrange(SIZE - length), length) for length in LENGTHS for _ in range(chance.choice(COUNTS))]
    parts += [(at * 1000, chance.randrange(100_000)) for at in range(50)]

    expected = [hashlib.new(algorithm, content[at : at + length]).hexdigest() for at, length in parts]
    assert digests(tmp_path / "file", parts, algorithm) == expected


@pytest.mark.parametrize("kind", crc.KINDS)
def test_crcs(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "file").write_bytes(content)
    parts = [(at * 999, length) for at, length in enumerate((0, 1, 7, 8, 63, 64, 1000, 40_000))]
    found = digests(tmp_path / "file", [*parts, (0, SIZE)], kind)

    assert found[:-1] == [crc.of(kind, content[at : at + length]).hex() for at, length in parts]
    stretches = [(at, min(300_000, SIZE - at)) for at in range(0, SIZE, 300_000)]
    pieces = zip(digests(tmp_path / "file", stretches, kind), stretches, strict=True)
    assert found[-1] == crc.joined(kind, [(bytes.fromhex(text), length) for text, (_, length) in pieces]).hex()


@pytest.mark.parametrize("algorithm", ["md5", "crc32", "whirlpool"])
def test_what_cannot_be_read(tmp_path: Path, content: bytes, algorithm: str) -> None:
    """It spoils nobody else's digest, though it is made beside them."""
    (tmp_path / "file").write_bytes(content)
    parts = [(0, 40_000), (SIZE - 5, 40_000), (SIZE + 1, 40_000), (1, 40_000)]

    found = digests(tmp_path / "file", parts, algorithm)

    known = algorithm != "whirlpool"
    assert [each == "-" for each in found] == [not known, True, True, not known]
    assert found[0] != found[3] or not known
    assert set(digests(tmp_path / "missing", parts, algorithm)) == {"-"}
