"""A certificate in files of somebody else's: used, renewed without a restart, and trusted before it counts as ready."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seldon_core.kube import Client
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.webhook import certificates
from seldon_core.operator.webhook.mountedcert import MountedCertificate
from seldon_core.transport.server import HttpServer, Response
from tests.unit.kube.fake_api import PATIENCE_SECONDS, FakeApi, fake_api
from tests.unit.operator.cluster import QUICK
from tests.unit.operator.test_trust import CONFIGURATION, CONFIGURATIONS, Clock, presented, synced

pytestmark = pytest.mark.asyncio

NOW = datetime.now(UTC)
AUTHORITY = certificates.new_authority(NOW)
NAMES = ("webhook.sys.svc",)


def write(folder: Path, authority: certificates.Pair = AUTHORITY) -> None:
    pair = certificates.issue(authority, NAMES, NOW)
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)


async def trust(api: FakeApi, authority: certificates.Pair = AUTHORITY) -> None:
    bundle = base64.b64encode(authority.certificate).decode()

    def change(obj: dict[str, Any]) -> None:
        obj["webhooks"][0]["clientConfig"]["caBundle"] = bundle

    await api.change(CONFIGURATIONS, "", "hooks", change)


async def seen(one: MountedCertificate, api: FakeApi) -> None:
    """Until the informer has what is stored."""
    stored = api.find(CONFIGURATIONS, "", "hooks")
    assert stored
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (one.informer.store.get("hooks") or stored)["webhooks"] != stored["webhooks"]:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the informer's task runs meanwhile


@asynccontextmanager
async def mounted(api: FakeApi, folder: Path, now: Any = None) -> AsyncIterator[MountedCertificate]:
    client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
    one = MountedCertificate(client, folder, configuration="hooks", now=now or (lambda: NOW), timings=QUICK)
    async with synced(one.informer):
        yield one
    await client.close()


async def test_ready_is_who_has_a_certificate_that_the_api_server_trusts(tmp_path: Path) -> None:
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        async with mounted(api, tmp_path) as one:
            one.read()
            assert "tls.crt" in one.problem
            write(tmp_path)
            one.read()
            assert one.problem.startswith(
                "ValidatingWebhookConfiguration hooks does not have the certificate's authority"
            )
            await trust(api, certificates.new_authority(NOW))
            await seen(one, api)
            assert one.problem
            await trust(api)
            await seen(one, api)
            assert one.problem == ""
        assert not api.writes()


async def test_a_certificate_that_signs_itself_is_its_own_authority(tmp_path: Path) -> None:
    """As v1.17.1's issuer made it."""
    (tmp_path / "tls.crt").write_bytes(AUTHORITY.certificate)
    (tmp_path / "tls.key").write_bytes(AUTHORITY.key)
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        await trust(api)
        async with mounted(api, tmp_path) as one:
            one.read()

            assert one.problem == ""


async def test_a_renewed_one_is_used_without_a_restart(tmp_path: Path) -> None:
    write(tmp_path)
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        async with mounted(api, tmp_path) as one:
            one.read()
            server = HttpServer(lambda _: Response(200, b"ok"), name="webhook")
            await server.start("127.0.0.1", 0, ssl=one.context)
            first = await presented(server.port, AUTHORITY.certificate)
            write(tmp_path)
            one.read()
            second = await presented(server.port, AUTHORITY.certificate)
            await server.drain(1.0)

    assert first != second


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
async def test_what_does_not_fit_together_changes_nothing(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        await trust(api)
        async with mounted(api, tmp_path) as one:
            one.read()
            chain = one._server.chain
            other = tmp_path / "other"
            other.mkdir()
            write(other)
            (tmp_path / name).write_bytes((other / name).read_bytes())
            one.read()
            assert one._server.chain == chain
            (tmp_path / name).write_text("none", encoding="utf-8")
            one.read()
            assert one._server.chain == chain
            assert one.problem == ""


async def test_an_expired_one_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    clock = Clock()
    clock.now = NOW
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        await trust(api)
        async with mounted(api, tmp_path, now=clock) as one:
            one.read()
            assert one.problem == ""
            clock.now += timedelta(days=91)

            assert "was valid until" in one.problem
