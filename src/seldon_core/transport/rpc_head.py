"""The headers of a call as a server reads them. Made once for each header block that a connection remembers."""

from .http2 import messages
from .http2.fields import Block
from .http2.messages import MalformedError
from .rpc import Metadata, RpcError, Status
from .rpc_wire import ACCEPTED, known_encoding, metadata, seconds


class CallHead:
    """What a call asks for, or why it cannot be served: no message, no gRPC, or an error of gRPC."""

    __slots__ = ("encoding", "error", "length", "malformed", "metadata", "method", "refusal", "timeout")

    def __init__(self, block: Block) -> None:
        self.method = ""
        self.metadata: Metadata = ()
        self.encoding = "identity"
        self.timeout: float | None = None
        self.length: int | None = None
        self.malformed = ""
        self.refusal = 0
        """An HTTP status, for what is no call of gRPC."""
        self.error: RpcError | None = None
        try:
            self._read(block)
        except MalformedError as error:
            self.malformed = str(error)
        except RpcError as error:
            self.error = error

    def _read(self, block: Block) -> None:
        pseudo, fields = messages.request(block.fields)
        self.method = pseudo[b":path"].decode("latin-1")
        named = dict(fields)
        if b"content-length" in named:
            self.length = messages.length(fields)
        kind = named.get(b"content-type", b"").lower()
        if pseudo[b":method"] != b"POST":
            self.refusal = 405
        elif not kind.startswith(b"application/grpc") or kind[16:17] not in {b"", b"+", b";"}:
            self.refusal = 415
        if self.refusal:
            return
        self.encoding = named.get(b"grpc-encoding", b"identity").decode("latin-1")
        if not known_encoding(self.encoding):
            text = f"The encoding {self.encoding} of messages is not known here; these are: {ACCEPTED}."
            raise RpcError(Status.UNIMPLEMENTED, text, (("grpc-accept-encoding", ACCEPTED),))
        if b"grpc-timeout" in named:
            text = named[b"grpc-timeout"].decode("latin-1")
            self.timeout = seconds(text)
            if self.timeout is None:
                raise RpcError(Status.INTERNAL, f"The grpc-timeout {text[:20]!r} is malformed.")
        self.metadata = metadata(fields)


def head_of(block: Block) -> CallHead:
    """The meaning of a block."""
    head: CallHead | None = block.meaning
    if head is None:
        head = block.meaning = CallHead(block)
    return head
