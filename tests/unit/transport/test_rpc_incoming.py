"""A message that arrives in pieces, wherever it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.transport.budget import SMALL_BYTES
from seldon_core.transport.rpc_incoming import Incoming


@given(body=st.binary(max_size=40), compressed=st.integers(0, 1), cuts=st.lists(st.integers(0, 45), max_size=5))
def test_it_is_put_together_wherever_it_is_cut(body: bytes, compressed: int, cuts: list[int]) -> None:
    sent = bytes((compressed,)) + len(body).to_bytes(4, "big") + body
    edges = sorted({0, *(cut for cut in cuts if cut <= len(sent)), len(sent)})
    incoming = Incoming()
    known = [incoming.add(sent[begin:end]) for begin, end in pairwise(edges)]
    assert known.count(True) == 1
    assert (incoming.complete, incoming.excessive) == (True, False)
    assert (incoming.compressed, incoming.take()) == (compressed, body)


@pytest.mark.parametrize("granted_after", [1, 3])
def test_a_large_one_is_put_together_as_it_comes(granted_after: int) -> None:
    body = bytes(range(256)) * (SMALL_BYTES // 128)
    sent = b"\0" + len(body).to_bytes(4, "big") + body
    incoming = Incoming()
    for number, at in enumerate(range(0, len(sent), 100_000), 1):
        incoming.add(sent[at : at + 100_000])
        if number == granted_after:
            incoming.prepare()
    assert incoming.complete
    incoming.add(b"x")
    assert incoming.excessive
    incoming = Incoming()
    incoming.add(sent)
    incoming.prepare()
    assert incoming.take() == body
