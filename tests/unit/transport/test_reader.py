"""The reader on arbitrary bytes: how the network slices a stream changes nothing, and nothing makes it raise."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seldon_core.transport.messages import Limits, plain_refusal
from seldon_core.transport.reader import RequestReader
from tests.unit.transport.raw import get, post

LIMITS = Limits(max_header_bytes=500, max_headers=8, max_body_bytes=50)
GOOD = st.sampled_from(
    [
        get("/a?b=c", "X-One: 1"),
        get("/%41", "Accept: */*", "Cookie: c"),
        post("/p", b"0123456789", "Content-Type: application/json"),
        post("/h2", b"abc", "Connection: Upgrade", "Upgrade: h2c"),
        get("/chunks", "Transfer-Encoding: chunked") + b"4\r\nwxyz\r\n2\r\nab\r\n0\r\n\r\n",
        get("http://host/absolute?q"),
    ]
)
BAD = st.sampled_from(
    [
        b"",
        b"garbage\r\n\r\n",
        get("/", "X: " + "y" * 600),
        get("/", *(f"X{n}: y" for n in range(9))),
        post("/", b"y" * 60),
        get("/", "Transfer-Encoding: chunked") + b"3c\r\n" + b"y" * 60,
        post("/", b"abc", "Content-Length: 4"),
        get("/", "Connection: close") + get("/never"),
        get("/", host=""),
    ]
)


def outcome(pieces: list[bytes]) -> list[Any]:
    """What a reader makes of a stream that arrives in these pieces."""
    reader = RequestReader(LIMITS, plain_refusal)
    for piece in pieces:
        reader.feed(piece)
    result: list[Any] = []
    for exchange in reader.exchanges:
        if (request := exchange.request) is None:
            assert exchange.refusal is not None
            result.append(exchange.refusal.status)
        else:
            fields = [(n, v) for n, v in request.headers.raw if n.lower() != b"upgrade"]
            result.append((request.method, request.path, request.query, fields, request.body, exchange.keep_alive))
    return result


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges) if a != b]


@settings(max_examples=400, deadline=None)
@given(good=st.lists(GOOD, min_size=1, max_size=4), bad=BAD, places=st.lists(st.integers(0, 5000), max_size=12))
def test_slicing_changes_nothing(good: list[bytes], bad: bytes, places: list[int]) -> None:
    stream = b"".join(good) + bad
    whole = outcome([stream])
    assert outcome(cut(stream, places)) == whole
    assert outcome([stream[i : i + 1] for i in range(len(stream))]) == whole
    assert len(whole) == len(good) + (1 if bad else 0)


@settings(max_examples=300, deadline=None)
@given(noise=st.lists(st.binary(max_size=60), max_size=6), start=st.one_of(GOOD, st.just(b"")))
def test_noise_never_raises(noise: list[bytes], start: bytes) -> None:
    results = outcome([start, *noise])
    assert sum(isinstance(result, int) for result in results) <= 1


@settings(max_examples=200, deadline=None)
@given(stream=GOOD, place=st.integers(0, 300), byte=st.integers(0, 255))
def test_one_flipped_byte_never_raises(stream: bytes, place: int, byte: int) -> None:
    place %= len(stream)
    outcome([stream[:place] + bytes([byte]) + stream[place + 1 :], stream])
