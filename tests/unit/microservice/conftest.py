import asyncio
from collections.abc import Callable

import uvloop

from tests.unit.transport.conftest import tls_files

__all__ = ["tls_files"]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the program runs on."""
    return {"uvloop": uvloop.new_event_loop}
