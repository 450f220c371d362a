"""What is read beside the SeldonDeployments: credentials, configuration; and what is written beside them: events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seldon_core.kube import Client
from seldon_core.operator.config.configuration import Configuration, UnusableValuesError
from seldon_core.operator.config.credentials import FRESH_SECONDS, CredentialReader
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.report.events import (
    BURST,
    CONCURRENT,
    LATER_SECONDS,
    LONGEST_QUEUE,
    REFILL_SECONDS,
    REPEAT_SECONDS,
    Recorder,
)
from tests.unit.kube.fake_api import PATIENCE_SECONDS, Call, FakeApi, failure, fake_api
from tests.unit.operator.cluster import EVENTS, QUICK, iris

pytestmark = pytest.mark.asyncio

ACCOUNTS, SECRETS, CONFIG_MAPS = "api/v1/serviceaccounts", "api/v1/secrets", "api/v1/configmaps"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[FakeApi, Client]]:
    async with fake_api() as api:
        client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
        yield api, client
        await client.close()


async def with_account(api: FakeApi) -> None:
    metadata = {"name": "sa", "namespace": "ns"}
    await api.put(ACCOUNTS, {"metadata": metadata, "secrets": [{"name": "keys"}, {"name": "missing"}]})
    annotations = {
        "serving.kubeflow.org/s3-endpoint": "minio:9000",
        "machinelearning.seldon.io/s3-usehttps": "0",
        "kubectl.kubernetes.io/last-applied-configuration": '{"stringData":{"awsSecretAccessKey":"topsecret"}}',
    }
    secret = {"metadata": {"name": "keys", "namespace": "ns", "annotations": annotations}}
    await api.put(SECRETS, secret | {"data": {"awsAccessKeyID": "dG9wc2VjcmV0", "awsSecretAccessKey": "dG9wc2VjcmV0"}})


async def test_facts_hold_names_and_known_annotations_and_no_value() -> None:
    async with connected() as (api, client):
        await with_account(api)
        facts = (await CredentialReader(client).read("ns", ["sa", "none"])).facts

        assert set(facts.service_accounts) == {"sa"}
        (secret,) = facts.service_accounts["sa"].secrets
        assert (secret.name, set(secret.keys)) == ("keys", {"awsAccessKeyID", "awsSecretAccessKey"})
        assert secret.annotations == {
            "serving.kubeflow.org/s3-endpoint": "minio:9000",
            "machinelearning.seldon.io/s3-usehttps": "0",
        }
        assert "topsecret" not in repr(facts)
        assert "dG9wc2VjcmV0" not in repr(facts)
        assert {c.method for c in api.calls} == {"GET"}
        assert all(Path(c.path).name in {"sa", "none", "keys", "missing"} for c in api.calls)


async def test_facts_are_kept_for_a_moment() -> None:
    async with connected() as (api, client):
        await with_account(api)
        clock = Clock()
        reader = CredentialReader(client, clock=clock)
        await reader.read("ns", ["sa"])
        calls = len(api.calls)
        await reader.read("ns", ["sa"])
        assert len(api.calls) == calls
        await reader.read("ns", ["sa"], fresh=True)
        assert len(api.calls) == 2 * calls
        clock.now += FRESH_SECONDS
        await reader.read("ns", ["sa"])
        assert len(api.calls) == 3 * calls


async def test_a_permission_taken_away_is_no_error() -> None:
    async with connected() as (api, client):
        api.faults.append(lambda _: failure(403, 'User "u" cannot get resource "serviceaccounts" in API group ""'))
        facts = (await CredentialReader(client).read("ns", ["sa"])).facts

        assert facts.service_accounts["sa"].secrets == ()


async def test_what_may_still_come_is_told_from_what_will_not() -> None:
    async with connected() as (api, client):
        await with_account(api)
        reader = CredentialReader(client)
        assert not (await reader.read("ns", ["sa"])).complete  # it names a secret that is missing
        assert not (await reader.read("ns", ["none"])).complete

        await api.put(SECRETS, {"metadata": {"name": "missing", "namespace": "ns"}})
        assert (await reader.read("ns", ["sa"], fresh=True)).complete

        api.faults.append(lambda _: failure(403, 'User "u" cannot get resource "serviceaccounts" in API group ""'))
        assert (await reader.read("ns", ["none"], fresh=True)).complete


def config_map(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "seldon-config", "namespace": "sys"},
        "data": data,
    }


async def test_the_config_map_is_live_and_a_broken_edit_changes_nothing(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("storageInitializer: {image: from/values:1}\n", encoding="utf-8")
    async with connected() as (api, client):
        await api.put(CONFIG_MAPS, config_map(storageInitializer='{"image": "from/configmap:1"}'))
        recorder = Recorder(client)
        configuration = Configuration(
            client, values_file=values, namespace="sys", name="seldon-config", recorder=recorder, timings=QUICK
        )
        assert configuration.current.storage_initializer.image == "from/values:1"
        changes: asyncio.Queue[str] = asyncio.Queue()
        configuration.on_change(lambda: changes.put_nowait(configuration.current.storage_initializer.image))
        task = asyncio.create_task(configuration.informer.run())

        async def next_image() -> str:
            return await asyncio.wait_for(changes.get(), PATIENCE_SECONDS)

        assert await next_image() == "from/configmap:1"
        await api.put(CONFIG_MAPS, config_map(storageInitializer="{broken"))
        await api.reaches(lambda: any(c == EVENTS for c, _, _ in api.objects))
        assert configuration.current.storage_initializer.image == "from/configmap:1"
        event = next(o for (c, _, _), o in api.objects.items() if c == EVENTS)
        assert (event["type"], event["reason"], event["involvedObject"]["kind"]) == (
            "Warning",
            "InvalidConfiguration",
            "ConfigMap",
        )
        assert "storageInitializer is not JSON" in event["message"]
        assert event["message"].endswith("The last good configuration stays in force.")

        await api.put(CONFIG_MAPS, config_map(storageInitializer="[" * 100_000))
        await api.put(CONFIG_MAPS, config_map(storageInitializer='{"image": "from/configmap:2"}'))
        assert await next_image() == "from/configmap:2"
        assert configuration.problem == ""
        await api.drop(CONFIG_MAPS, "sys", "seldon-config")
        assert await next_image() == "from/values:1"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await recorder.flush()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "does not exist"),
        ("a: [", "cannot be used"),
        ("storageInitialiser: {}\n", "storageInitializer"),
        ("predictor_servers: {A: 1}\n", "predictor_servers cannot be read"),
    ],
)
async def test_unusable_values_stop_the_start(tmp_path: Path, text: str | None, sentence: str) -> None:
    values = tmp_path / "values.yaml"
    if text is not None:
        values.write_text(text, encoding="utf-8")
    async with connected() as (_, client):
        with pytest.raises(UnusableValuesError, match=sentence):
            Configuration(client, values_file=values, namespace="sys", name="seldon-config", recorder=Recorder(client))


async def test_values_of_older_releases_are_named_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("engine: {port: 8000}\nexecutor: {enabled: true, port: 8001}\n", encoding="utf-8")
    async with connected() as (_, client):
        options = {"namespace": "sys", "name": "seldon-config", "recorder": Recorder(client)}
        Configuration(client, values_file=values, **options)
        assert "values of older releases have no meaning today: engine.port, executor.enabled" in caplog.text
        caplog.clear()
        values.write_text("executor: {port: 8001}\n", encoding="utf-8")
        Configuration(client, values_file=values, **options)
        assert "older releases" not in caplog.text


async def test_events_are_not_repeated_and_not_sent_in_masses() -> None:
    async with connected() as (api, client):
        clock = Clock()
        recorder = Recorder(client, clock=clock, now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
        about = iris() | {"metadata": {"name": "iris", "namespace": "ns", "uid": "u"}}
        for _ in range(3):
            recorder.warning(about, "InternalError", "password=topsecret is wrong")
        await recorder.flush()
        (event,) = [o for (c, _, _), o in api.objects.items() if c == EVENTS]
        assert event["message"] == "password=*** is wrong"
        assert (event["firstTimestamp"], event["count"]) == ("2026-11-21T00:00:00Z", 1)

        clock.now += REPEAT_SECONDS
        recorder.warning(about, "InternalError", "password=topsecret is wrong")
        for number in range(2 * BURST):
            recorder.normal(about, "Updated", str(number))
        await recorder.flush()
        (again,) = [o for o in api.objects.values() if o["reason"] == "InternalError"]
        assert (again["metadata"]["name"], again["count"]) == (event["metadata"]["name"], 2)
        assert len(api.objects) == BURST  # one token went into the repetition
        clock.now += 3 * REFILL_SECONDS
        for number in range(2 * BURST, 3 * BURST):
            recorder.normal(about, "Updated", str(number))
        await recorder.flush()
        assert len(api.objects) == BURST + 3


async def test_what_is_wrong_is_one_event_with_a_count_also_after_a_restart() -> None:
    async with connected() as (api, client):
        clock = Clock()
        about = iris() | {"metadata": {"name": "iris", "namespace": "ns", "uid": "u"}}

        def tell(recorder: Recorder, message: str, occurrence: str) -> float | None:
            return recorder.standing(about, "ContainerFailed", message, cause="classifier", occurrence=occurrence)

        first = Recorder(client, clock=clock)
        assert tell(first, "exit code 1", "p/0") is None
        assert tell(first, "exit code 1", "p/1") == LATER_SECONDS  # too soon to be news
        assert tell(first, "exit code 1", "p/0") is None
        await first.flush()
        clock.now += LATER_SECONDS
        tell(first, "exit code 2", "p/1")
        tell(first, "exit code 2", "p/1")
        await first.flush()
        (event,) = api.objects.values()
        assert (event["count"], event["message"], event["reason"]) == (2, "exit code 2", "ContainerFailed")

        writes = len(api.writes())
        second = Recorder(client, clock=clock)
        tell(second, "exit code 2", "p/1")
        await second.flush()
        assert len(api.writes()) == writes
        assert tell(second, "exit code 2", "p/2") is None
        await second.flush()
        (event,) = api.objects.values()
        assert event["count"] == 3

        second.standing(about, "ContainerFailed", "other", cause="seldon-container-engine", occurrence="p/0")
        await second.flush()
        assert len(api.objects) == 2


async def test_an_event_that_cannot_be_written_stops_nothing() -> None:
    async with connected() as (api, client):
        api.faults.append(lambda _: failure(403, "no events here"))
        recorder = Recorder(client)
        recorder.normal(iris(), "Updated", "x")
        await recorder.flush()

        assert api.objects == {}


async def test_events_leave_connections_to_the_work_and_are_dropped_rather_than_heaped_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected() as (api, client):
        gate, full, under_way, most = asyncio.Event(), asyncio.Event(), 0, 0
        create = client.create

        async def slow(*args: Any) -> Any:
            nonlocal under_way, most
            under_way, most = under_way + 1, max(most, under_way + 1)
            if under_way == CONCURRENT:
                full.set()
            await gate.wait()
            under_way -= 1
            return await create(*args)

        monkeypatch.setattr(client, "create", slow)
        monkeypatch.setattr("seldon_core.operator.report.events.FLUSH_SECONDS", PATIENCE_SECONDS)
        recorder = Recorder(client)
        for number in range(2 * LONGEST_QUEUE):
            recorder.normal(iris() | {"metadata": {"name": f"iris-{number}", "namespace": "ns"}}, "Updated", "x")
        await asyncio.wait_for(full.wait(), PATIENCE_SECONDS)
        gate.set()
        await recorder.flush()

        assert most == CONCURRENT
        assert len(api.objects) == LONGEST_QUEUE


async def test_ending_does_not_wait_for_an_api_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected() as (_, client):
        asked: list[Call] = []

        async def never(*_: Any) -> Any:
            asked.append(Call("POST", "", {}, None))
            await asyncio.Event().wait()

        monkeypatch.setattr(client, "create", never)
        monkeypatch.setattr("seldon_core.operator.report.events.FLUSH_SECONDS", 0.0)
        recorder = Recorder(client)
        recorder.normal(iris(), "Updated", "x")
        await asyncio.wait_for(recorder.flush(), PATIENCE_SECONDS)


async def test_what_was_done_is_told_when_there_is_time_what_is_wrong_at_once() -> None:
    async with fake_api() as api:
        busy = [True]
        recorder = Recorder(Client.connect(field_manager="x", server=api.url), busy=lambda: bool(busy))
        about = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "ns", "uid": "1"}}
        recorder.normal(about, "Created", "made")
        recorder.warning(about, "Wrong", "broken")
        await api.called(lambda calls: any(call.is_write for call in calls))
        assert [call.body["reason"] for call in api.writes()] == ["Wrong"]

        busy.clear()
        await api.called(lambda calls: sum(call.is_write for call in calls) == 2)
        assert [call.body["reason"] for call in api.writes()] == ["Wrong", "Created"]
