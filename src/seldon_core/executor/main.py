"""The executor's program: `python -m seldon_core.executor.main --sdep NAME --predictor NAME ...`.

SIGTERM: serve on for the shutdown delay while routers learn that this pod goes, then finish what is in flight, exit
status 0.
"""

import asyncio
import logging
import os
import sys
from contextlib import suppress

from seldon_core.transport import logs, loop, memory

from .app import Executor
from .predictor import PredictorError
from .settings import Settings, SettingsError, parse

_LOG = logging.getLogger(__name__)


def main() -> int:
    """Run until a signal. Exit status 1 with one sentence on stderr for what cannot be served."""
    try:
        settings = parse(sys.argv[1:], os.environ)
        logs.configure(settings.log_level)
        memory.return_large_blocks()
        return loop.run(_serve(settings))
    except (PredictorError, SettingsError) as error:
        print(f"seldon-core-executor: {error}", file=sys.stderr)
        return 1


async def _serve(settings: Settings) -> int:
    executor = Executor(settings)
    stop = loop.stop_signal()
    await executor.start("")
    await stop.wait()
    _LOG.info("stopping", extra={"shutdown_delay": settings.shutdown_delay})
    executor.server.announce_close()
    stop.clear()
    with suppress(TimeoutError):  # a second signal ends the delay
        await asyncio.wait_for(stop.wait(), settings.shutdown_delay)
    await executor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
