"""How a command ends that cannot do what it was asked for."""


class CommandError(Exception):
    """Reasons for a person, one sentence each; printed one a line, and the command exits with 1."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons
