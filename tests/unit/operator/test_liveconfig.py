"""seldon-config is filled in, follows the values where nobody has edited it, and keeps what people have."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seldon_core.api.values import Values, load_values
from seldon_core.kube import Client, Informer
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import CONFIG_MAPS
from seldon_core.operator.config import edits
from seldon_core.operator.config.liveconfig import BASE, LiveConfig
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.report.events import Recorder
from tests.unit.kube.fake_api import PATIENCE_SECONDS, Call, FakeApi, failure, fake_api
from tests.unit.operator.cluster import EVENTS, QUICK

pytestmark = pytest.mark.asyncio

MAPS = "api/v1/configmaps"
EMPTY = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seldon-config", "namespace": "sys"}}
MINE = {"protocols": {"seldon": {"image": "mine", "defaultImageVersion": "1"}}}
FORMER = EMPTY | {"data": {key: json.dumps(value) for key, value in edits.RELEASED.items()}}


@asynccontextmanager
async def keeper(api: FakeApi, values: Values | None = None, *, leads: bool = True) -> AsyncIterator[LiveConfig]:
    """The keeper of one controller; its informer runs, its looks are the test's."""
    client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
    informer = Informer(client, Selection(CONFIG_MAPS, "sys", fields="metadata.name=seldon-config"), timings=QUICK)
    leading = asyncio.Event()
    if leads:
        leading.set()
    recorder = Recorder(client)
    result = LiveConfig(
        client,
        ("sys", "seldon-config"),
        values or Values(),
        informer=informer,
        leading=leading,
        wrote=informer.learn,
        recorder=recorder,
    )
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.synced.wait(), PATIENCE_SECONDS)
        yield result
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await recorder.flush()
        await client.close()


def stored(api: FakeApi) -> dict[str, Any]:
    found = api.find(MAPS, "sys", "seldon-config")
    assert found is not None
    return found


def entries(api: FakeApi) -> dict[str, Any]:
    return {key: json.loads(text) for key, text in (stored(api).get("data") or {}).items()}


async def edit(api: FakeApi, **data: str | None) -> None:
    def change(obj: dict[str, Any]) -> None:
        kept = (obj.get("data") or {}) | data
        obj["data"] = {key: text for key, text in kept.items() if text is not None}

    await api.change(MAPS, "sys", "seldon-config", change)


async def test_an_empty_one_gets_what_the_chart_says() -> None:
    async with fake_api() as api:
        await api.put(MAPS, EMPTY)
        async with keeper(api) as one:
            await one.check()

        assert entries(api) == edits.of_chart(Values())
        assert json.loads(stored(api)["metadata"]["annotations"][BASE]) == edits.of_chart(Values())


async def test_a_second_look_and_a_restart_write_nothing() -> None:
    async with fake_api() as api:
        await api.put(MAPS, EMPTY)
        for _ in range(2):
            async with keeper(api) as one:
                await one.check()
                await one.check()

        assert len([call for call in api.writes() if "/events" not in call.path]) == 1


async def test_a_former_release_keeps_its_edits_and_loses_its_defaults() -> None:
    rows = edits.RELEASED["predictor_servers"] | {"MINE": MINE}
    async with fake_api() as api:
        await api.put(MAPS, FORMER | {"data": FORMER["data"] | {"predictor_servers": json.dumps(rows)}})
        async with keeper(api) as one:
            await one.check()

        assert entries(api) == edits.of_chart(Values()) | {
            "predictor_servers": Values().predictor_servers | {"MINE": MINE}
        }


async def test_other_values_meet_an_edit() -> None:
    later = load_values({"storageInitializer": {"image": "later:2", "cpuLimit": "4"}})
    async with fake_api() as api:
        await api.put(MAPS, EMPTY)
        async with keeper(api) as one:
            await one.check()
        edited = entries(api)["storageInitializer"] | {"cpuLimit": "3"}
        await edit(api, storageInitializer=json.dumps(edited))
        async with keeper(api, later) as one:
            await one.check()

        assert entries(api)["storageInitializer"] == edited | {"image": "later:2"}
        (event,) = [obj for (kind, _, _), obj in api.objects.items() if kind == EVENTS]
        assert event["reason"] == "EditsKept"
        assert "storageInitializer.cpuLimit" in event["message"]


async def test_a_deleted_key_is_the_charts_again() -> None:
    async with fake_api() as api:
        await api.put(MAPS, EMPTY)
        async with keeper(api) as one:
            await one.check()
        await edit(api, explainer=json.dumps({"image": "mine"}))
        async with keeper(api) as one:
            await one.check()
        assert entries(api)["explainer"] == {"image": "mine"}
        await edit(api, explainer=None)
        async with keeper(api) as one:
            await one.check()

        assert entries(api)["explainer"] == edits.of_chart(Values())["explainer"]


@pytest.mark.parametrize("text", ["{", "[]", "null"])
async def test_a_slip_is_left_to_who_made_it(text: str) -> None:
    async with fake_api() as api:
        await api.put(MAPS, EMPTY)
        async with keeper(api) as one:
            await one.check()
        await edit(api, explainer=text)
        async with keeper(api, load_values({"explainer": {"image": "later"}})) as one:
            await one.check()

        assert stored(api)["data"]["explainer"] == text


async def test_who_does_not_lead_writes_nothing() -> None:
    async with fake_api() as api:
        await api.put(MAPS, EMPTY)
        async with keeper(api, leads=False) as one:
            running = asyncio.create_task(one.run())
            await asyncio.sleep(0)
            assert not one.settled.is_set()
            one._leading.set()
            await asyncio.wait_for(one.settled.wait(), PATIENCE_SECONDS)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        assert entries(api) == edits.of_chart(Values())


async def test_a_refusal_holds_up_nobody_and_is_tried_again() -> None:
    refused: list[Call] = []

    def refuse(call: Call) -> Any:
        if call.method == "PATCH" and len(refused) < 2:
            refused.append(call)
            return failure(503, "not now")
        return None

    async with fake_api(faults=[refuse]) as api:
        await api.put(MAPS, EMPTY)
        async with keeper(api) as one:
            running = asyncio.create_task(one.run())
            await asyncio.wait_for(one.settled.wait(), PATIENCE_SECONDS)
            assert entries(api) == {}
            await api.reaches(lambda: bool(entries(api)))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_without_a_configmap_there_is_nothing_to_do() -> None:
    async with fake_api() as api, keeper(api) as one:
        await one.check()

        assert not api.writes()
