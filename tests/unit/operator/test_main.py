"""The whole process against an API server: it starts, becomes ready, works, and ends when told to."""

import asyncio
import base64
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from seldon_core.kube import Client
from seldon_core.operator.config import settings
from seldon_core.operator.config.configuration import UnusableValuesError
from seldon_core.operator.main import Operator
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.webhook.server import PATH
from tests.unit.kube.fake_api import PATIENCE_SECONDS, FakeApi, fake_api
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, iris, with_defaults
from tests.unit.operator.test_trust import CONFIGURATION, CONFIGURATIONS, bundle

pytestmark = pytest.mark.asyncio


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def ask(port: int, path: str, body: bytes | None = None, tls: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    """One request to the process."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="webhook.sys.svc" if tls else None
    )
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b""))
    answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    writer.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), content


async def ready(port: int) -> bytes:
    """Until /readyz says so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                status, body = await ask(port, "/readyz")
            except ConnectionError:
                await asyncio.sleep(0)
                continue
            if status == 200:
                return body


def environment(folder: Path, *, health: int, webhook: int, values: str = "{}") -> dict[str, str]:
    """What the chart tells a process."""
    file = folder / f"values-{health}.yaml"
    file.write_text(values + "\n", encoding="utf-8")
    return {
        "POD_NAME": f"controller-{health}",
        "POD_NAMESPACE": "sys",
        "SELDON_VALUES_FILE": str(file),
        "WEBHOOK_PORT": str(webhook),
        "METRICS_PORT": str(health),
        "WEBHOOK_SERVICE_NAME": "webhook",
        "WEBHOOK_CONFIGURATION_NAME": "hooks",
    }


async def test_from_start_to_end(tmp_path: Path) -> None:
    health, webhook = free_port(), free_port()
    env = environment(tmp_path, health=health, webhook=webhook)
    async with fake_api(admit=with_defaults_of_workloads) as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
        stop = asyncio.Event()
        running = asyncio.create_task(Operator(client, settings.from_env(env), linger_seconds=0.0).run(stop))
        await ready(health)
        assert (await ask(health, "/healthz"))[0] == 200

        refused = await admission(api, webhook, iris(modelUri=""))
        assert refused["allowed"] is False
        assert (await admission(api, webhook, iris()))["allowed"] is True

        await api.put(SDEPS, iris())
        await api.reaches(lambda: api.find(DEPLOYMENTS, "ns", "iris-default-0-classifier") is not None)
        await api.reaches(lambda: (api.find(SDEPS, "ns", "iris") or {}).get("status", {}).get("state") == "Creating")
        _, exposed = await ask(health, "/metrics")
        assert 'seldon_operator_writes_total{kind="Service",verb="apply"} 2' in exposed.decode()

        stop.set()
        await asyncio.wait_for(running, PATIENCE_SECONDS)
        with pytest.raises(ConnectionError):
            await ask(health, "/healthz")
        await client.close()


async def test_of_two_one_works_and_the_other_takes_over(tmp_path: Path) -> None:
    values = '{"manager": {"leaderElectionID": "lock", "leaderElectionRetryPeriodSecs": 1}}'
    ports = [(free_port(), free_port()) for _ in range(2)]
    async with fake_api(admit=with_defaults_of_workloads) as api:
        await api.put(CONFIGURATIONS, CONFIGURATION)
        client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
        stops, runs = [asyncio.Event(), asyncio.Event()], []
        for (health, webhook), stop in zip(ports, stops, strict=True):
            env = environment(tmp_path, health=health, webhook=webhook, values=values)
            operator = Operator(client, settings.from_env(env), linger_seconds=0.0)
            runs.append(asyncio.create_task(operator.run(stop)))
            await ready(health)

        def holder() -> str:
            lease = api.find("apis/coordination.k8s.io/v1/leases", "sys", "lock") or {"spec": {}}
            return str(lease["spec"].get("holderIdentity"))

        async def metrics(port: int) -> str:
            return (await ask(port, "/metrics"))[1].decode()

        (first, _), (second, webhook) = ports
        assert holder() == f"controller-{first}"
        await api.put(SDEPS, iris())
        await api.reaches(lambda: (api.find(SDEPS, "ns", "iris") or {}).get("status", {}).get("state") == "Creating")
        assert "seldon_operator_leading 1" in await metrics(first)
        assert "seldon_operator_leading 0" in await metrics(second)
        assert "seldon_operator_writes_total{" not in await metrics(second)
        assert (await admission(api, webhook, iris()))["allowed"] is True

        stops[0].set()
        await asyncio.wait_for(runs[0], PATIENCE_SECONDS)
        assert holder() == ""
        await api.reaches(lambda: holder() == f"controller-{second}")
        await api.put(SDEPS, iris("later"))
        await api.reaches(lambda: api.find(DEPLOYMENTS, "ns", "later-default-0-classifier") is not None)

        stops[1].set()
        await asyncio.wait_for(runs[1], PATIENCE_SECONDS)
        await client.close()


async def test_times_of_the_election_that_cannot_work_stop_the_start(tmp_path: Path) -> None:
    values = '{"manager": {"leaderElectionLeaseDurationSecs": 5}}'
    env = environment(tmp_path, health=1, webhook=1, values=values)
    client = Client.connect(field_manager=FIELD_MANAGER, server="http://127.0.0.1:1")
    with pytest.raises(UnusableValuesError, match=r"manager\.leaderElection.*longer than its renew deadline"):
        Operator(client, settings.from_env(env))
    await client.close()


def with_defaults_of_workloads(obj: dict[str, Any]) -> dict[str, Any]:
    return with_defaults(obj) if "kind" in obj else obj


async def admission(api: FakeApi, port: int, obj: dict[str, Any]) -> dict[str, Any]:
    """What the webhook says of an object, asked as the API server asks: over TLS, with the published authority."""
    context = ssl.create_default_context(cadata=base64.b64decode(bundle(api)).decode())
    review = {"request": {"uid": "1", "operation": "CREATE", "name": "iris", "object": obj}}
    status, body = await ask(port, PATH, json.dumps(review).encode(), context)
    assert status == 200
    response: dict[str, Any] = json.loads(body)["response"]
    return response
