"""Heads that were read before give what llhttp gives; and what is kept of them is bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seldon_core.transport import heads
from seldon_core.transport.heads import AnswerHeads, Heads
from seldon_core.transport.messages import Headers, Limits, Request, plain_refusal
from seldon_core.transport.reader import Exchange, RequestReader
from tests.unit.transport.raw import get, post

PUID = "Seldon-Puid: 0f8fad5b-d9cb-469f-a165-70867728950e"
MESSAGES = [
    get("/a?b=c", "X-One: 1"),
    get("/%41", "Connection: keep-alive"),
    post("/p", b"0123456789", "Content-Type: application/json"),
    post("/p", b"9876543210", "Content-Type: application/json"),
    post("/p", b"01234567890", "Content-Type: application/json"),
    post("/p", b"abc", PUID),
    post("/p", b"xyz", PUID.replace("0", "1")),
    post("/p", b"xyz", PUID + " "),
    post("/p", b"xyz", PUID, "X-Last: 1"),
    post("/p", b"xyz", PUID, PUID),
    post("/p", b"xyz", "Seldon-Puid: a, b"),
    post("/p", b"xyz", "Seldon-Puid: "),
    post("/h2", b"abc", "Connection: Upgrade", "Upgrade: h2c"),
    get("/chunks", "Transfer-Encoding: chunked") + b"4\r\nwxyz\r\n0\r\n\r\n",
    get("/two") + get("/three"),
    b"\r\n" + get("/a?b=c", "X-One: 1"),
    post("/p", b"0123456789", "Content-Type: application/json")[:-3],
]


def read(reader: RequestReader, data: bytes) -> list[object]:
    reader.exchanges.clear()
    reader.feed(data)
    return [_plain(exchange) for exchange in reader.exchanges]


def _plain(exchange: Exchange) -> object:
    request = exchange.request
    if request is None:
        return exchange.refusal.status if exchange.refusal is not None else None
    fields = list(request.headers.raw)
    return request.method, request.path, request.query, fields, request.body, exchange.keep_alive


@settings(max_examples=300, deadline=None)
@given(messages=st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=12))
def test_what_is_known_changes_nothing(messages: list[bytes]) -> None:
    """Each message on a new connection of a server that knows all before it, and of one that knows nothing."""
    known = Heads()
    for data in messages:
        warm = RequestReader(Limits(), plain_refusal, known)
        assert read(warm, data) == read(RequestReader(Limits(), plain_refusal), data)


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_a_repeated_head_is_known(number: int) -> None:
    known = Heads()
    data = MESSAGES[number]
    assert known.request(data) is None
    read(RequestReader(Limits(), plain_refusal, known), data)
    request = known.request(data)
    assert request is not None
    assert request.body == data.partition(b"\r\n\r\n")[2]


def test_requests_with_one_head_share_their_fields_but_for_a_puid() -> None:
    known = Heads()
    for data in (MESSAGES[2], MESSAGES[5]):
        read(RequestReader(Limits(), plain_refusal, known), data)
    one, other = known.request(MESSAGES[2]), known.request(MESSAGES[3])
    assert one is not None
    assert other is not None
    assert one.headers is other.headers
    assert other.body == b"9876543210"
    with_puid = known.request(MESSAGES[6])
    assert with_puid is not None
    assert with_puid.headers.get("seldon-puid") == PUID.replace("0", "1").partition(": ")[2]


@pytest.mark.parametrize("number", [7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
def test_what_is_unusual_is_never_looked_up(number: int) -> None:
    known = Heads()
    for data in MESSAGES[:7]:
        read(RequestReader(Limits(), plain_refusal, known), data)
    read(RequestReader(Limits(), plain_refusal, known), MESSAGES[number])
    assert known.request(MESSAGES[number]) is None


def learn(known: Heads, number: int) -> None:
    data = get(f"/{number}")
    known.learn(data, Request("GET", f"/{number}", b"", Headers(((b"Host", b"h"),)), b""))


def test_heads_that_never_come_again_are_soon_not_kept() -> None:
    known = Heads()
    for number in range(heads._MOST + 1):
        learn(known, number)
    assert len(known._known.heads) == 1  # begun anew
    for number in range(10_000, 10_000 + heads._REST):
        learn(known, number)
    assert len(known._known.heads) == 1  # and at rest
    learn(known, 1)
    assert known.request(get("/1")) is not None


def test_heads_that_are_used_are_kept_on() -> None:
    known = Heads()
    learn(known, 0)
    for _ in range(heads._MOST + 1):
        assert known.request(get("/0")) is not None
    for number in range(1, heads._MOST + 5):
        learn(known, number)
    assert known.request(get(f"/{heads._MOST + 4}")) is not None


def test_a_large_head_is_not_kept() -> None:
    known = Heads()
    data = get("/", "X: " + "y" * 3000)
    read(RequestReader(Limits(), plain_refusal, known), data)
    assert known.request(data) is None


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", False),
    ],
)
def test_an_answers_head_is_known_where_it_tells_its_length(head: bytes, kept: bool) -> None:  # noqa: FBT001 - a case
    known = AnswerHeads()
    fields = [tuple(line.split(b": ")) for line in head.split(b"\r\n")[1:] if b": " in line]
    known.learn(head + b"ok", 200, Headers(fields), b"ok")  # type: ignore[arg-type]  # pairs, by the split
    answer = known.answer(head + b"no")
    assert (answer is not None) is kept
    if answer is not None:
        assert (answer[0], answer[2]) == (200, b"no")
    assert known.answer(head + b"more") is None
