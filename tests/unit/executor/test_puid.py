"""The ids of predictions whose client names none."""

import os
import uuid

from seldon_core.executor.headers import new_puid


def test_they_are_random_uuids_all_different() -> None:
    puids = [new_puid() for _ in range(1000)]
    assert len(set(puids)) == 1000
    for puid in puids:
        parsed = uuid.UUID(puid)
        assert str(parsed) == puid
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)
    assert len({puid[19] for puid in puids}) == 4
    assert len({puid[0] for puid in puids}) == 16


def test_forked_processes_give_their_own() -> None:
    """Workers are forked from one process."""
    new_puid()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_puid().encode())
        os._exit(0)
    theirs = os.read(reading, 36).decode()
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert theirs not in [new_puid() for _ in range(300)]
