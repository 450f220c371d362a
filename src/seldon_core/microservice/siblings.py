"""One answer of the metrics port for all workers: whoever is asked asks the others, and adds up.

Each worker tells its metrics on a socket of its own, in Linux' abstract namespace, which needs no folder to write to.
Custom metrics are told apart by their label `worker_id`, as in v1.17.1; whatever has the same labels is added up.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

_LOG = logging.getLogger(__name__)
_SECONDS = 1.0  # for a sibling's metrics: one that hangs must not cost those of the others

_Series = tuple[str, tuple[tuple[str, str], ...]]


class Siblings:
    """The workers of one microservice. `addresses` are their sockets, `own` is the number of this one's."""

    def __init__(self, addresses: Sequence[str], own: int, exposition: Callable[[], bytes]) -> None:
        self._addresses = addresses
        self._own = own
        self._exposition = exposition
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tell the others, once a predecessor in this slot has ended."""
        self._telling = asyncio.ensure_future(self._serve())

    async def stop(self) -> None:
        """Tell nobody any more."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

    async def _serve(self) -> None:
        while True:
            try:
                server = await asyncio.start_unix_server(self._tell, sock=_bound(self._addresses[self._own]))
                break
            except OSError:
                await asyncio.sleep(_SECONDS / 10)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._exposition())
        writer.close()

    async def gathered(self) -> bytes:
        """The metrics of all workers that answer."""
        others = (address for number, address in enumerate(self._addresses) if number != self._own)
        texts = await asyncio.gather(*(self._asked(address) for address in others))
        return merged([self._exposition(), *texts])

    async def _asked(self, address: str) -> bytes:
        try:
            async with asyncio.timeout(_SECONDS):
                sock = _socket()
                try:
                    await asyncio.get_running_loop().sock_connect(sock, address)
                except BaseException:
                    sock.close()
                    raise
                reader, writer = await asyncio.open_unix_connection(sock=sock)
                try:
                    return await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            _LOG.debug("a worker tells no metrics", extra={"error": str(error)})
            return b""


def _socket() -> socket.socket:
    """Made here, because uvloop takes names of the abstract namespace for paths."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


def _bound(address: str) -> socket.socket:
    sock = _socket()
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


class _Merged(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def merged(texts: Sequence[bytes]) -> bytes:
    """Several expositions as one: a family has its lines together, and equal series are added up."""
    kinds: dict[str, Metric] = {}
    values: dict[str, dict[_Series, float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text.decode()):
            kinds.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            series = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                series[key] = series.get(key, 0.0) + sample.value
    for name, family in kinds.items():
        for (sample_name, labels), value in values[name].items():
            family.add_sample(sample_name, dict(labels), value)
    registry = CollectorRegistry()
    registry.register(_Merged(kinds.values()))
    return generate_latest(registry)
