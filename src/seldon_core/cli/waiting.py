"""Waits, on a watch, until SeldonDeployments are ready; ends at once where one reports failure."""

import asyncio
from collections.abc import Callable, Collection

from seldon_core.kube import Client, Event, EventType, Informer, Object, key_of
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import Key
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS

from .report import Verdict, verdict_of


class GoneError(Exception):
    """A SeldonDeployment was deleted while it was waited for; the text is its name."""


async def wait(
    client: Client,
    keys: Collection[Key],
    namespace: str | None,
    *,
    seconds: float,
    tell: Callable[[Object], None],
) -> bool:
    """Wait for all of them.

    Args:
        client: The API server.
        keys: Which ones; they were there a moment ago.
        namespace: Where they are; None for several.
        seconds: How long at most.
        tell: Called with each of them, as it is now and whenever it changes.

    Returns:
        Whether it is decided: all ready, or one failing. False where the time is up.

    Raises:
        GoneError: One was deleted.
    """
    wanted = set(keys)
    verdicts: dict[Key, Verdict] = {}
    gone: list[str] = []
    decided = asyncio.Event()

    def take(event: Event) -> None:
        key = key_of(event.object)
        if key not in wanted:
            return
        if event.type is EventType.DELETED:
            gone.append(key[1])
            decided.set()
            return
        verdicts[key] = verdict_of(event.object)
        tell(event.object)
        all_ready = wanted == verdicts.keys() and all(each is Verdict.READY for each in verdicts.values())
        if all_ready or verdicts[key] is Verdict.FAILING:
            decided.set()

    if not await watch_until(client, Selection(SELDON_DEPLOYMENTS, namespace), take, decided, seconds):
        return False
    if gone:
        raise GoneError(gone[0])
    return True


async def watch_until(
    client: Client, selection: Selection, take: Callable[[Event], None], decided: asyncio.Event, seconds: float
) -> bool:
    """Pass every event of a selection to `take` until it sets `decided`; whether it did so within `seconds`."""
    informer = Informer(client, selection)
    informer.on_event(take)
    running = asyncio.create_task(informer.run())
    try:
        async with asyncio.timeout(seconds):
            await decided.wait()
    except TimeoutError:
        return False
    finally:
        running.cancel()
        await asyncio.wait([running])
    return True
