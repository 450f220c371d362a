"""What can go wrong with a model's files, each with an exit code that Kubernetes shows and scripts can rely on."""

import enum


class ExitCode(enum.IntEnum):
    """Exit statuses of the storage initializer. They are a contract: never renumber one.

    4 and 5 mean what they mean for rclone itself (not found, temporary error); 11 is the digest error's recorded
    number.
    """

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    NOT_FOUND = 4
    NETWORK = 5
    AUTH = 6
    DISK_FULL = 7
    BAD_URI = 10
    DIGEST = 11
    TERMINATED = 143


class StorageError(Exception):
    """A download that did not happen: the cause, and the hint that says what to do.

    The text is what the termination message and the status show, so it is one line without secrets.
    """

    def __init__(self, code: ExitCode, cause: str, hint: str) -> None:
        self.code = code
        self.cause = cause
        self.hint = hint
        super().__init__(f"{cause}: {hint}")
