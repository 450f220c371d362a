"""CRCs of pieces make the CRC of the whole."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.storage import crc

# Of "123456789", as the catalogue of parametrised CRC algorithms has it (CRC-32/ISO-HDLC, -32/ISCSI, -64/NVME).
CHECKS = {"crc32": "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888"}


@pytest.mark.parametrize("kind", CHECKS)
def test_the_known_value(kind: str) -> None:
    assert crc.of(kind, b"123456789").hex() == CHECKS[kind]


@given(st.binary(max_size=300))
def test_as_zlib_makes_it(content: bytes) -> None:
    assert crc.of("crc32", content) == zlib.crc32(content).to_bytes(4, "big")


@pytest.mark.parametrize("kind", CHECKS)
@given(pieces=st.lists(st.binary(max_size=80), max_size=6))
def test_pieces_in_a_row_are_the_whole(kind: str, pieces: list[bytes]) -> None:
    joined = crc.joined(kind, [(crc.of(kind, piece), len(piece)) for piece in pieces])

    assert joined == crc.of(kind, b"".join(pieces))


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=2, max_size=2, unique=True))
def test_the_order_counts(pieces: list[bytes]) -> None:
    one, other = ((crc.of("crc64nvme", piece), len(piece)) for piece in pieces)
    same = pieces[0] + pieces[1] == pieces[1] + pieces[0]

    assert (crc.joined("crc64nvme", [one, other]) == crc.joined("crc64nvme", [other, one])) == same


def test_pieces_of_gigabytes() -> None:
    """Zeros: their CRC follows from that of half of them, so that nobody reads gigabytes to know it."""
    digest, length = zlib.crc32(bytes(2**20)).to_bytes(4, "big"), 2**20
    for _ in range(12):
        digest, length = crc.joined("crc32", [(digest, length)] * 2), 2 * length

    assert digest == crc.joined("crc32", [(zlib.crc32(bytes(2**24)).to_bytes(4, "big"), 2**24)] * 256)
    assert length == 2**32
