"""The webhook's certificates in a cluster: stored, published, repaired, and used by a running server."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seldon_core.kube import Client, Informer
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.webhook.trust import QUICK_STEPS, Trust
from seldon_core.transport.server import HttpServer, Response
from tests.unit.kube.fake_api import PATIENCE_SECONDS, Call, FakeApi, failure, fake_api
from tests.unit.operator.cluster import QUICK

pytestmark = pytest.mark.asyncio

SECRETS = "api/v1/secrets"
CONFIGURATIONS = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
CONFIGURATION = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "hooks"},
    "webhooks": [{"name": "v1.vseldondeployment.kb.io", "clientConfig": {"service": {"name": "webhook"}}}],
}


class Clock:
    """The time, moved by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def trust(api: FakeApi, clock: Clock, *, configuration: str = "hooks") -> AsyncIterator[Trust]:
    """The certificates of one controller; its informer runs, its steps are the test's."""
    client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
    result = Trust(
        client,
        namespace="sys",
        secret="cert",
        service="webhook",
        configuration=configuration,
        now=clock,
        timings=QUICK,
    )
    async with synced(result.informer):
        yield result
    await client.close()


@asynccontextmanager
async def synced(informer: Informer) -> AsyncIterator[None]:
    """An informer that runs, and has read what there is."""
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.synced.wait(), PATIENCE_SECONDS)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def settle(each: Trust) -> None:
    while await each.check():
        pass


def bundle(api: FakeApi) -> str:
    stored = api.find(CONFIGURATIONS, "", "hooks")
    assert stored is not None
    text: str = stored["webhooks"][0]["clientConfig"].get("caBundle", "")
    return text


def secret(api: FakeApi) -> dict[str, Any]:
    stored = api.find(SECRETS, "sys", "cert")
    assert stored is not None
    return stored


@pytest.mark.parametrize("prepared", [False, True])
async def test_makes_stores_and_publishes(*, prepared: bool) -> None:
    """Also into a Secret that the chart has made without data."""
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        if prepared:
            metadata = {"name": "cert", "namespace": "sys", "labels": {"helm": "1"}}
            await api.put(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
        async with trust(api, Clock()) as one:
            assert one.problem == "there is no certificate yet"
            await settle(one)

            assert one.problem == ""
            assert bundle(api) == secret(api)["data"]["ca.crt"]
            assert set(secret(api)["data"]) == {"tls.crt", "tls.key", "ca.crt", "ca.key"}
            assert not prepared or secret(api)["metadata"]["labels"] == {"helm": "1"}
            stored = api.find(CONFIGURATIONS, "", "hooks")
            assert stored is not None
            assert stored["webhooks"][0]["clientConfig"]["service"] == {"name": "webhook"}


async def test_several_controllers_agree() -> None:
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        clock = Clock()
        async with trust(api, clock) as one, trust(api, clock) as other:
            await asyncio.gather(settle(one), settle(other))
            await settle(one)

            assert (one.problem, other.problem) == ("", "")
            assert one._server.chain == other._server.chain
            assert base64.b64decode(bundle(api)) == base64.b64decode(secret(api)["data"]["ca.crt"])


async def test_drift_is_repaired_by_itself() -> None:
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        async with trust(api, Clock()) as one:
            running = asyncio.create_task(one.run())
            await asyncio.wait_for(one.ready.wait(), PATIENCE_SECONDS)
            published = bundle(api)

            def empty(obj: dict[str, Any]) -> None:
                obj["webhooks"][0]["clientConfig"]["caBundle"] = ""

            await api.change(CONFIGURATIONS, "", "hooks", empty)
            await api.reaches(lambda: bundle(api) == published)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_two_that_write_against_each_other_do_not_do_it_as_fast_as_they_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody empties the bundle each time it was written."""
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        async with trust(api, Clock()) as one:
            steps, slept = 0, asyncio.Event()

            async def wrote() -> bool:
                nonlocal steps
                steps += 1
                one._changed.set()
                return True

            async def pause(_: float) -> None:
                slept.set()
                await asyncio.Event().wait()

            monkeypatch.setattr(one, "check", wrote)
            monkeypatch.setattr("seldon_core.operator.webhook.trust.asyncio.sleep", pause)
            running = asyncio.create_task(one.run())
            await asyncio.wait_for(slept.wait(), PATIENCE_SECONDS)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    assert steps == QUICK_STEPS + 1


async def test_a_refused_write_is_tried_again() -> None:
    refused: list[Call] = []

    def refuse(call: Call) -> Any:
        if call.path.endswith("/secrets/cert") and len(refused) < 2:
            refused.append(call)
            return failure(503, "not ready")
        return None

    async with fake_api(faults=[refuse]) as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        async with trust(api, Clock()) as one:
            running = asyncio.create_task(one.run())
            await asyncio.wait_for(one.ready.wait(), PATIENCE_SECONDS)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    assert len(refused) == 2


async def test_a_running_server_takes_the_new_certificate() -> None:
    async with fake_api() as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        clock = Clock()
        async with trust(api, clock) as one:
            await settle(one)
            server = HttpServer(lambda _: Response(200, b"ok"), name="webhook")
            await server.start("127.0.0.1", 0, ssl=one.context)
            first = await presented(server.port, base64.b64decode(bundle(api)))
            clock.now += timedelta(days=80)
            await settle(one)
            second = await presented(server.port, base64.b64decode(bundle(api)))
            await server.drain(1.0)

    assert first != second


async def test_without_a_webhook_configuration_a_certificate_is_enough() -> None:
    async with fake_api() as api, trust(api, Clock(), configuration="") as one:
        await settle(one)

        assert one.problem == ""


async def presented(port: int, authorities: bytes) -> bytes:
    """The certificate that a server shows to a client which trusts these authorities."""
    context = ssl.create_default_context(cadata=authorities.decode())
    # The clock of the TLS library is the real one; the test's is months ahead.
    context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="webhook.sys.svc")
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate
