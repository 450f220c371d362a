"""How a call to another server can fail. Texts as v1.17.1's clients know them (specification 3)."""


class CallError(Exception):
    """A call that brought no answer. Its text says why, without the target: the caller knows that."""


class ConnectError(CallError):
    """No connection: refused, unreachable, no such host, or not within the time."""


class ConnectionClosedError(CallError):
    """The other side closed the connection before its answer was whole. `begun`: some of it had arrived."""

    def __init__(self, text: str, *, begun: bool) -> None:
        super().__init__(text)
        self.begun = begun


class CallTimeoutError(CallError):
    """The answer did not arrive within the call's time."""


class BadAnswerError(CallError):
    """The answer is no HTTP, or larger than the caller accepts."""
