"""Looking into protobuf messages, and joining them without looking."""

from hypothesis import given
from hypothesis import strategies as st

from seldon_core.executor.message import GraphError, Message
from seldon_core.executor.proto_payloads import ProtoPayloads
from seldon_core.proto import prediction_pb2


@given(bodies=st.lists(st.binary(max_size=300), max_size=4), text=st.text())
def test_joined_messages_are_the_list_of_them(bodies: list[bytes], text: str) -> None:
    parts = [
        prediction_pb2.SeldonMessage(strData=text),
        *(prediction_pb2.SeldonMessage(binData=body) for body in bodies),
    ]
    joined = ProtoPayloads().join([Message(part.SerializeToString()) for part in parts], "c")
    assert list(prediction_pb2.SeldonMessageList.FromString(joined.body).seldonMessages) == parts


@given(body=st.binary(max_size=100))
def test_whatever_a_router_or_a_client_sends_is_read_or_refused(body: bytes) -> None:
    payloads = ProtoPayloads()
    try:
        choice = payloads.branch(Message(body), "r", 2)
    except GraphError:
        choice = 0
    assert choice in {-2, -1, 0, 1}
    assert isinstance(payloads.decisions(Message(body)), dict)
    assert payloads.inject(Message(body), {"a": 1}).body is not None
