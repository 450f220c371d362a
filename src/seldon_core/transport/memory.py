"""What the process gives back to the system: blocks as large as payloads, as soon as they are freed."""

import ctypes

from .budget import SMALL_BYTES

_M_MMAP_THRESHOLD = -3  # malloc.h


def return_large_blocks() -> None:
    """Have every block above `SMALL_BYTES` be memory of its own, which goes when the block goes.

    glibc begins like that, too. But once such a block was freed it keeps others of its size among the small ones, and
    what small ones surround stays: an executor that had passed on 16 payloads of 10 MB at once held up to 240 MB at
    its worst, of which it kept up to 112, now 172 and 48. For programs that only pass bodies on: a model that
    calculates with large arrays is better off with blocks that are kept. Without glibc it does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_MMAP_THRESHOLD, SMALL_BYTES)
