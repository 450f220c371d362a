"""What the controller makes for itself: made at the start, made again where it is missing, gone with the release."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seldon_core.kube import Client, ForbiddenError
from seldon_core.operator.config import ownobjects
from seldon_core.operator.config.ownobjects import OwnObjects, UnusableResourcesError
from tests.unit.kube.fake_api import FakeApi, failure, fake_api

SERVICES, MAPS, DEPLOYMENTS = "api/v1/services", "api/v1/configmaps", "apis/apps/v1/deployments"
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "manager"}
FILE = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: config
  namespace: sys
  labels: {app: seldon}
---
apiVersion: v1
kind: Service
metadata:
  name: webhook
  namespace: sys
  ownerReferences:
    - {apiVersion: apps/v1, kind: Deployment, name: manager}
spec:
  type: ClusterIP
---
"""


@asynccontextmanager
async def maker(api: FakeApi) -> AsyncIterator[OwnObjects]:
    client = Client.connect(field_manager="seldon-core-operator", server=api.url)
    yield OwnObjects(client.named(ownobjects.FIELD_MANAGER), ownobjects.read_text(FILE))
    await client.close()


async def deployment(api: FakeApi) -> str:
    metadata = {"name": "manager", "namespace": "sys"}
    made = await api.put(DEPLOYMENTS, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    uid: str = made["metadata"]["uid"]
    return uid


def service(api: FakeApi) -> dict[str, Any]:
    found = api.find(SERVICES, "sys", "webhook")
    assert found is not None
    return found


@pytest.mark.asyncio
async def test_they_are_made_with_their_owner() -> None:
    async with fake_api() as api, maker(api) as one:
        uid = await deployment(api)
        await one.check()

        assert service(api)["metadata"]["ownerReferences"] == [OWNER | {"uid": uid}]
        assert api.find(MAPS, "sys", "config") is not None
        assert {call.query["fieldManager"] for call in api.writes()} == {ownobjects.FIELD_MANAGER}


@pytest.mark.asyncio
async def test_a_second_look_and_a_restart_write_nothing() -> None:
    async with fake_api() as api:
        await deployment(api)
        for _ in range(2):
            async with maker(api) as one:
                await one.check()
                await one.check()

        assert len(api.writes()) == 2


@pytest.mark.asyncio
async def test_what_is_missing_is_made_again_and_what_is_there_is_left_alone() -> None:
    async with fake_api() as api, maker(api) as one:
        await deployment(api)
        await one.check()

        def edit(obj: dict[str, Any]) -> None:
            obj["spec"]["type"] = "NodePort"

        await api.change(SERVICES, "sys", "webhook", edit)
        await api.drop(MAPS, "sys", "config")
        await one.check()

        assert service(api)["spec"]["type"] == "NodePort"
        assert api.find(MAPS, "sys", "config") is not None


@pytest.mark.asyncio
async def test_a_start_brings_them_to_what_the_file_says() -> None:
    async with fake_api() as api:
        await deployment(api)
        async with maker(api) as one:
            await one.check()

        def edit(obj: dict[str, Any]) -> None:
            obj["spec"]["type"] = "NodePort"

        await api.change(SERVICES, "sys", "webhook", edit)
        async with maker(api) as one:
            await one.check()

        assert service(api)["spec"]["type"] == "ClusterIP"


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [403, 404])
async def test_an_owner_that_cannot_be_read_is_left_out(status: int, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        fake_api(faults=[lambda call: failure(status, "no") if "/deployments/" in call.path else None]) as api,
        maker(api) as one,
    ):
        await one.check()

        assert "ownerReferences" not in service(api)["metadata"]
        assert "Service webhook stays when the release goes" in caplog.text


@pytest.mark.asyncio
async def test_a_refusal_is_the_callers() -> None:
    async with (
        fake_api(faults=[lambda call: failure(403, "no") if call.method == "PATCH" else None]) as api,
        maker(api) as one,
    ):
        with pytest.raises(ForbiddenError):
            await one.check()


@pytest.mark.parametrize("text", ["{", "apiVersion: v1\nkind: Pod", "- 1"])
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "resources.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(UnusableResourcesError, match="SELDON_RESOURCES_FILE"):
        ownobjects.read(file)
    with pytest.raises(UnusableResourcesError, match="No such file"):
        ownobjects.read(tmp_path / "none")
