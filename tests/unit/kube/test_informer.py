"""The informer against everything that a watch can suffer."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seldon_core.kube import Client, Event, Informer, Timings
from seldon_core.kube.backoff import Backoff
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import CONFIG_MAPS
from tests.unit.kube.fake_api import PATIENCE_SECONDS, Call, FakeApi, failure

pytestmark = pytest.mark.asyncio

COLLECTION = "api/v1/configmaps"
QUICK = Timings(silence=30.0, shortest=0.0, backoff=Backoff(first=0.001, longest=0.01))


def config_map(name: str, value: str = "", uid: str | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "labels": {"app": "x"}} | ({"uid": uid} if uid else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"v": value}}


class Watched:
    """A running informer, and its events one by one."""

    def __init__(self, informer: Informer) -> None:
        self.informer = informer
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        informer.on_event(self.events.put_nowait)

    async def next(self) -> tuple[str, str, str]:
        event = await asyncio.wait_for(self.events.get(), PATIENCE_SECONDS)
        return event.type.value, event.object["metadata"]["name"], event.object["data"]["v"]

    async def until(self, name: str, value: str) -> None:
        while (await self.next())[1:] != (name, value):
            pass

    def values(self) -> dict[str, str]:
        return {obj["metadata"]["name"]: obj["data"]["v"] for obj in self.informer.store}


@asynccontextmanager
async def watched(client: Client, timings: Timings = QUICK, **options: Any) -> AsyncIterator[Watched]:
    informer = Informer(client, Selection(CONFIG_MAPS), timings=timings, **options)
    result = Watched(informer)
    task = asyncio.create_task(informer.run())
    try:
        yield result
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_lists_then_follows(api: FakeApi, client: Client) -> None:
    await api.put(COLLECTION, config_map("a", "1"))
    async with watched(client) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        assert await seen.next() == ("ADDED", "a", "1")
        await api.put(COLLECTION, config_map("b", "1"))
        assert await seen.next() == ("ADDED", "b", "1")
        await api.put(COLLECTION, config_map("a", "2"))
        assert await seen.next() == ("MODIFIED", "a", "2")
        await api.drop(COLLECTION, "ns", "b")
        assert await seen.next() == ("DELETED", "b", "1")

        assert seen.values() == {"a": "2"}


async def test_resumes_a_broken_watch_without_listing_again(api: FakeApi, client: Client) -> None:
    await api.put(COLLECTION, config_map("a", "1"))
    async with watched(client) as seen:
        await seen.until("a", "1")
        await api.watched()
        await api.cut_watches()
        await api.put(COLLECTION, config_map("a", "2"))

        assert await seen.next() == ("MODIFIED", "a", "2")
        assert sum(not c.is_watch for c in api.calls) == 1


async def test_leaves_a_frozen_watch(api: FakeApi, client: Client) -> None:
    """A connection that is open and says nothing is given up after the silence that bookmarks make impossible."""
    await api.put(COLLECTION, config_map("a", "1"))
    timings = Timings(silence=0.05, shortest=0.0, backoff=Backoff(first=0.001, longest=0.01))
    async with watched(client, timings) as seen:
        await seen.until("a", "1")
        await api.watched()
        api.frozen = True
        await api.put(COLLECTION, config_map("a", "2"))
        api.frozen = False  # for connections that begin from now on; the frozen one is not told

        assert await seen.next() == ("MODIFIED", "a", "2")


async def test_lists_again_where_the_version_is_too_old(api: FakeApi, client: Client) -> None:
    for name in ("stays", "goes"):
        await api.put(COLLECTION, config_map(name, "1"))
    async with watched(client) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        await api.watched()
        gate = asyncio.Event()
        api.faults.append(lambda _: failure(503, "down") if not gate.is_set() else None)
        await api.cut_watches()
        await api.put(COLLECTION, config_map("stays", "2"))
        await api.drop(COLLECTION, "ns", "goes")
        await api.put(COLLECTION, config_map("new", "1"))
        await api.compact()
        gate.set()
        await seen.until("goes", "1")  # added
        await seen.until("goes", "1")  # deleted

        assert seen.values() == {"stays": "2", "new": "1"}


async def test_a_missing_permission_is_said_once_and_waited_for(
    api: FakeApi, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    message = 'configmaps is forbidden: User "u" cannot list resource "configmaps" in API group "" at the cluster scope'
    refusals: list[Call] = []

    def refuse(call: Call) -> tuple[int, dict[str, Any]] | None:
        refusals.append(call)
        return failure(403, message) if len(refusals) < 5 else None

    api.faults.append(refuse)
    with caplog.at_level(logging.WARNING):
        async with watched(client) as seen:
            await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)

    said = [r.message for r in caplog.records if "verb list on configmaps in the whole cluster" in r.message]
    assert len(said) == 1


async def test_a_write_of_ours_is_seen_at_once_and_told_once(api: FakeApi, client: Client) -> None:
    async with watched(client) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        await api.watched()
        await api.freeze(frozen=True)
        seen.informer.learn(await client.apply(CONFIG_MAPS, config_map("mine", "1")))
        assert seen.values() == {"mine": "1"}
        await api.freeze(frozen=False)
        await api.put(COLLECTION, config_map("other", "1"))

        assert await seen.next() == ("ADDED", "other", "1")


async def test_what_the_watch_is_past_is_not_learned(api: FakeApi, client: Client) -> None:
    """The answer to a write may come back after the watch has told of the object and of its deletion."""
    async with watched(client) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        answer = await client.apply(CONFIG_MAPS, config_map("short", "1"))
        await seen.until("short", "1")
        await api.drop(COLLECTION, "ns", "short")
        await seen.until("short", "1")

        seen.informer.learn(answer)

        assert seen.values() == {}


async def test_forget_spares_an_object_made_anew(api: FakeApi, client: Client) -> None:
    old = await api.put(COLLECTION, config_map("a", "1", uid="old"))
    async with watched(client) as seen:
        await seen.until("a", "1")
        await api.drop(COLLECTION, "ns", "a")
        await api.put(COLLECTION, config_map("a", "2", uid="new"))
        await seen.until("a", "2")
        seen.informer.forget(old)

        assert seen.values() == {"a": "2"}


async def test_keeps_only_what_the_transform_keeps(api: FakeApi, client: Client) -> None:
    def small(obj: dict[str, Any]) -> dict[str, Any] | None:
        return {"metadata": obj["metadata"], "data": obj["data"]} if obj["data"]["v"] != "hidden" else None

    async with watched(client, transform=small) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        await api.put(COLLECTION, config_map("a", "1"))
        assert await seen.next() == ("ADDED", "a", "1")
        assert "kind" not in next(iter(seen.informer.store))
        await api.put(COLLECTION, config_map("a", "hidden"))
        assert (await seen.next())[:2] == ("DELETED", "a")
        assert seen.values() == {}


async def test_indexes_follow(api: FakeApi, client: Client) -> None:
    by_value: Callable[[dict[str, Any]], list[str]] = lambda obj: [obj["data"]["v"]]  # noqa: E731 - one line says it
    async with watched(client, indexers={"value": by_value}) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        await api.put(COLLECTION, config_map("a", "1"))
        await api.put(COLLECTION, config_map("b", "1"))
        await api.put(COLLECTION, config_map("a", "2"))
        await seen.until("a", "2")

        found = {
            value: [o["metadata"]["name"] for o in seen.informer.store.by_index("value", value)] for value in "123"
        }
        assert found == {"1": ["b"], "2": ["a"], "3": []}


async def test_a_change_by_others_before_our_own_write_is_told(api: FakeApi, client: Client) -> None:
    """Our write comes back with a version that is later than the change, which the watch has yet to tell."""
    await api.put(COLLECTION, config_map("a", "1"))
    async with watched(client) as seen:
        await seen.until("a", "1")
        await api.watched()
        await api.freeze(frozen=True)
        await api.change(COLLECTION, "ns", "a", lambda obj: obj["data"].update(theirs="1"))
        manifest = config_map("a", "2")
        seen.informer.learn(await client.apply(CONFIG_MAPS, manifest))
        await api.freeze(frozen=False)

        event = await asyncio.wait_for(seen.events.get(), PATIENCE_SECONDS)
        assert event.object["data"] == {"v": "2", "theirs": "1"}


async def test_the_end_of_a_former_object_does_not_hide_its_successor(api: FakeApi, client: Client) -> None:
    """Deleted and made anew by us, while the watch has yet to tell of the deletion."""
    await api.put(COLLECTION, config_map("a", "old", uid="old"))
    async with watched(client) as seen:
        await seen.until("a", "old")
        await api.watched()
        await api.freeze(frozen=True)
        await api.change(COLLECTION, "ns", "a", lambda obj: obj["data"].update(v="changed"))
        await api.drop(COLLECTION, "ns", "a")
        seen.informer.learn(await client.apply(CONFIG_MAPS, config_map("a", "new")))
        states: list[dict[str, str]] = []
        seen.informer.on_event(lambda _: states.append(seen.values()))
        await api.freeze(frozen=False)
        await api.put(COLLECTION, config_map("other", "1"))
        await seen.until("other", "1")

        assert [state["a"] for state in states] == ["new"] * len(states)


async def test_a_list_is_right_also_where_versions_went_back(api: FakeApi, client: Client) -> None:
    """A cluster that was restored from a backup counts on from an earlier version."""
    await api.put(COLLECTION, config_map("stays", "1", uid="stays"))
    await api.put(COLLECTION, config_map("later", "1"))
    async with watched(client) as seen:
        await seen.until("later", "1")
        await api.watched()
        gate = asyncio.Event()
        api.faults.append(lambda _: failure(503, "down") if not gate.is_set() else None)
        await api.cut_watches()
        api.objects.clear()
        api.log.clear()
        api._version = itertools.count(500)
        await api.put(COLLECTION, config_map("stays", "0", uid="stays"))
        api.faults.append(
            lambda call: failure(410, "gone") if int(call.query.get("resourceVersion", 0)) > 600 else None
        )
        gate.set()
        await seen.until("stays", "0")

        await seen.until("later", "1")  # deleted

        assert seen.values() == {"stays": "0"}


async def test_an_answer_that_is_no_object_is_waited_out(api: FakeApi, client: Client) -> None:
    answers: list[tuple[int, Any]] = [
        (200, "<html>log in</html>"),
        (502, '{"code": "BAD_GATEWAY", "details": {"retryAfterSeconds": "soon"}}'),
    ]
    api.faults.append(lambda _: answers.pop() if answers else None)
    async with watched(client) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)

    assert answers == []


async def test_an_old_event_brings_nothing_back(api: FakeApi, client: Client) -> None:
    """As a cache behind the API server sends it that lags: what was deleted since must not be there again."""
    old = await api.put(COLLECTION, config_map("gone", "1"))
    async with watched(client) as seen:
        await seen.until("gone", "1")
        await api.drop(COLLECTION, "ns", "gone")
        assert await seen.next() == ("DELETED", "gone", "1")
        api.version = next(api._version)
        api.log.append((api.version, COLLECTION, "MODIFIED", old))
        await api.put(COLLECTION, config_map("next", "1"))

        assert await seen.next() == ("ADDED", "next", "1")
        assert seen.values() == {"next": "1"}


async def test_what_no_event_told_is_found_by_listing_anew(api: FakeApi, client: Client) -> None:
    for name in ("changed", "gone"):
        await api.put(COLLECTION, config_map(name, "1"))
    timings = Timings(silence=30.0, shortest=0.0, relist=0.05, backoff=Backoff(first=0.001, longest=0.01))
    async with watched(client, timings) as seen:
        await asyncio.wait_for(seen.informer.synced.wait(), PATIENCE_SECONDS)
        del api.objects[COLLECTION, "ns", "gone"]
        changed = api.objects[COLLECTION, "ns", "changed"]
        metadata = {**changed["metadata"], "resourceVersion": str(next(api._version))}
        api.objects[COLLECTION, "ns", "changed"] = {**changed, "metadata": metadata, "data": {"v": "2"}}
        await seen.until("changed", "2")
        await seen.until("gone", "1")  # deleted

        assert seen.values() == {"changed": "2"}
