"""gRPC's texts: timeouts, escaped messages, metadata."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.transport.http2.fields import FieldReader
from seldon_core.transport.rpc_wire import block, escaped, metadata, seconds, timeout_text, unescaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1H", 3600.0),
        ("2M", 120.0),
        ("3S", 3.0),
        ("40m", 0.04),
        ("5u", 5e-6),
        ("6n", 6e-9),
        ("99999999S", 99_999_999.0),
        ("", None),
        ("S", None),
        ("1", None),
        ("-1S", None),
        ("1.5S", None),
        ("123456789S", None),
        ("1s", None),
        ("\u0661S", None),
    ],
)
def test_timeouts_are_read(text: str, expected: float | None) -> None:
    assert seconds(text) == (None if expected is None else pytest.approx(expected))


@given(st.floats(1e-7, 1e7))
def test_timeouts_are_written_so_that_they_are_read_again(wanted: float) -> None:
    read = seconds(timeout_text(wanted))
    assert read is not None
    assert wanted * 0.999 - 1e-6 <= read <= wanted * 1.02 + 1e-6


@given(st.text())
def test_messages_survive_their_escape(text: str) -> None:
    sent = escaped(text)
    assert all(0x20 <= byte <= 0x7E for byte in sent)
    assert unescaped(sent) == text


@pytest.mark.parametrize(("sent", "text"), [(b"a%", "a%"), (b"%zz", "%zz"), (b"%41", "A"), (b"%ff", "\ufffd")])
def test_malformed_escapes_stay_as_they_are(sent: bytes, text: str) -> None:
    assert unescaped(sent) == text


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["x", "a.b-c_9"]), st.text(st.characters(min_codepoint=33, max_codepoint=126))),
            st.tuples(st.sampled_from(["x-bin", "y-bin"]), st.binary(max_size=40)),
        ),
        max_size=5,
    )
)
def test_metadata_survive_the_wire(fields: list[tuple[str, str | bytes]]) -> None:
    assert metadata(FieldReader().read(block(tuple(fields))).fields) == tuple(fields)


@pytest.mark.parametrize("name", ["X", "a b", "", ":path", "ü"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of metadata"):
        block(((name, "v"),))
