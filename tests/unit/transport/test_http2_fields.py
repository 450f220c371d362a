"""Header blocks: read as `hpack` reads them, remembered only as long as they mean the same; written so that it can."""

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seldon_core.transport.http2.fields import FieldReader, literal
from seldon_core.transport.http2.frames import Code, PeerError
from seldon_core.transport.http2.writer import FieldWriter

names = st.sampled_from([b":path", b":method", b"content-type", b"grpc-timeout", b"x", b"a-long-name-of-a-header"])
values = st.one_of(st.sampled_from([b"", b"POST", b"/", b"1S", b"application/grpc"]), st.binary(max_size=300))
lists = st.lists(st.tuples(names, values, st.booleans()), max_size=8)


@settings(deadline=None)
@given(
    blocks=st.lists(lists, max_size=8),
    huffman=st.sampled_from([0, 1]),
    sizes=st.lists(st.integers(0, 4096), max_size=8),
)
def test_blocks_mean_what_hpack_says(
    blocks: list[list[tuple[bytes, bytes, bool]]], huffman: int, sizes: list[int]
) -> None:
    encoder, reader = hpack.Encoder(), FieldReader()
    for number, fields in enumerate(blocks):
        if number < len(sizes):
            encoder.header_table_size = sizes[number]
        headers = [hpack.HeaderTuple(name, value) for name, value, _ in fields]
        if not any(kept for _, _, kept in fields):
            headers = [hpack.NeverIndexedHeaderTuple(name, value) for name, value, _ in fields]
        block = encoder.encode(headers, huffman=bool(huffman))
        expected = tuple((name, value) for name, value, _ in fields)
        assert reader.read(block).fields == expected
        if not any(kept for _, _, kept in fields):
            again = reader.read(encoder.encode(headers, huffman=bool(huffman)))
            assert again.fields == expected


@settings(deadline=None)
@given(blocks=st.lists(lists, max_size=8), most=st.sampled_from([0, 100, 4095, 4096, 65_536]))
def test_hpack_reads_what_is_written(blocks: list[list[tuple[bytes, bytes, bool]]], most: int) -> None:
    writer, decoder = FieldWriter(), hpack.Decoder()
    for number, fields in enumerate(blocks):
        if number == 2:
            writer.on_setting(1, most)
            decoder.max_allowed_table_size = most
        wanted = tuple((name, value) for name, value, _ in fields)
        for _ in range(3):
            assert [tuple(field) for field in decoder.decode(writer.block(b"\x83", wanted), raw=True)] == [
                (b":method", b"POST"),
                *wanted,
            ]


def test_a_repeated_block_is_remembered_until_the_table_changes() -> None:
    encoder, reader = hpack.Encoder(), FieldReader()
    first = reader.read(encoder.encode([("x", "1")]))
    repeated = encoder.encode([("x", "1")])
    known = reader.read(repeated)
    assert known.fields == first.fields
    assert reader.read(repeated) is known
    reader.read(encoder.encode([("y", "2")]))
    assert reader.read(repeated).fields == ((b"y", b"2"),), "the same byte now names the younger entry"


def test_what_is_remembered_is_bounded() -> None:
    reader = FieldReader()
    for number in range(1000):
        reader.read(literal(b"x", b"%d" % number))
    assert len(reader._known) <= 64
    reader.read(literal(b"x", bytes(60_000).replace(b"\0", b"y")))
    assert len(reader._known) <= 65


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"\x40\x01", Code.COMPRESSION_ERROR),
        (b"\x40\x01x\x05abc", Code.COMPRESSION_ERROR),
        (b"\x40\x01x\x81\x00", Code.COMPRESSION_ERROR),
        (b"\x80", Code.COMPRESSION_ERROR),
        (b"\xff\x80\x80\x80\x80\x80\x01", Code.COMPRESSION_ERROR),
        (b"\x3f\xff\xff\xff\xff\x0f", Code.COMPRESSION_ERROR),
        (b"\x40\x01x\x7f\x81\x1e" + b"y" * 3968 + b"\xbe" * 16, Code.ENHANCE_YOUR_CALM),
    ],
)
def test_what_cannot_be_read(block: bytes, code: Code) -> None:
    with pytest.raises(PeerError) as caught:
        FieldReader().read(block)
    assert caught.value.code is code


@pytest.mark.parametrize("value", [b"a\nb", b"\0", b"a\rb"])
def test_a_value_that_would_smuggle_something_in_is_not_written(value: bytes) -> None:
    with pytest.raises(ValueError, match="control characters"):
        literal(b"x", value)
