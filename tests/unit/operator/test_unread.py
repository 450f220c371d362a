"""Credentials that are away for a moment: pods that have them stay as they are, in every way that this can happen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.kube.fake_api import Call, failure
from tests.unit.operator.cluster import SDEPS, Cluster, cluster, iris, is_state

pytestmark = pytest.mark.asyncio

ACCOUNTS, SECRETS = "api/v1/serviceaccounts", "api/v1/secrets"
ACCOUNT = {"metadata": {"name": "sa", "namespace": "ns"}, "secrets": [{"name": "keys"}]}
SECRET = {
    "metadata": {"name": "keys", "namespace": "ns", "annotations": {"serving.kubeflow.org/s3-endpoint": "minio:9000"}},
    "data": {"awsAccessKeyID": "YQ==", "awsSecretAccessKey": "YQ=="},
}

Loss = Callable[[Cluster], Awaitable[None]]


@asynccontextmanager
async def serving() -> AsyncIterator[Cluster]:
    """A cluster whose model is fetched with the credentials of service account `sa`."""
    async with cluster() as c:
        await c.api.put(ACCOUNTS, ACCOUNT)
        await c.api.put(SECRETS, SECRET)
        await c.api.put(SDEPS, iris(serviceAccountName="sa"))
        await c.until(is_state("Creating"))
        await c.progress(ready=1)
        await c.until(is_state("Available"))
        await c.settled()
        assert uses_keys(c)
        yield c


def uses_keys(c: Cluster) -> bool:
    return "'name': 'keys'" in str(c.deployment()["spec"]["template"]["spec"]["initContainers"])


def refused(what: str) -> Loss:
    async def lose(c: Cluster) -> None:
        def fault(call: Call) -> Any:
            return failure(403, f'User "u" cannot get resource "{what}"') if f"/{what}/" in call.path else None

        c.api.faults.append(fault)

    return lose


def gone(collection: str, name: str) -> Loss:
    async def lose(c: Cluster) -> None:
        await c.api.drop(collection, "ns", name)

    return lose


async def look(c: Cluster) -> None:
    """Another controller takes over, which knows nothing of what the one before has read."""
    await c.stop()
    await c.start(settle_seconds=0.0)
    await c.settled()


LOSSES = [
    pytest.param(refused("serviceaccounts"), "service account sa", id="account refused"),
    pytest.param(refused("secrets"), "secret keys", id="secret refused"),
    pytest.param(gone(ACCOUNTS, "sa"), "service account sa", id="no account"),
    pytest.param(gone(SECRETS, "keys"), "secret keys", id="no secret"),
]


@pytest.mark.parametrize(("lose", "named"), LOSSES)
async def test_pods_keep_credentials_that_cannot_be_read_now(lose: Loss, named: str) -> None:
    async with serving() as c:
        before = c.deployment()["metadata"]["generation"]
        await lose(c)
        await look(c)

        assert c.deployment()["metadata"]["generation"] == before
        told = c.conditions()["RolledOut"]
        assert (told["status"], told["reason"]) == ("False", "CredentialsNotRead")
        assert f"({named} in namespace ns does not exist, or the controller may not read it)" in told["message"]
        assert c.status()["state"] == "Available"

        c.api.faults.clear()
        await c.api.put(ACCOUNTS, ACCOUNT)
        await c.api.put(SECRETS, SECRET)
        await look(c)
        assert c.deployment()["metadata"]["generation"] == before
        assert c.conditions()["RolledOut"]["status"] == "True"


async def test_an_edit_waits_for_the_credentials_and_is_not_forgotten() -> None:
    async with serving() as c:
        await gone(SECRETS, "keys")(c)
        await c.edit(modelUri="s3://other")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        assert "s3://other" not in str(c.deployment())

        await c.api.put(SECRETS, SECRET)
        await look(c)
        assert "s3://other" in str(c.deployment())
        assert uses_keys(c)


async def test_credentials_that_nobody_names_any_more_are_taken_away() -> None:
    async with serving() as c:
        await c.api.put(ACCOUNTS, {"metadata": {"name": "sa", "namespace": "ns"}})
        await look(c)

        assert not uses_keys(c)


async def test_a_missing_secret_that_no_pod_uses_holds_nothing() -> None:
    async with serving() as c:
        await c.api.put(ACCOUNTS, {**ACCOUNT, "secrets": [{"name": "keys"}, {"name": "never-there"}]})
        c.config = replace(c.config, executor=replace(c.config.executor, image="new"))
        await look(c)

        assert "'image': 'new'" in str(c.deployment())
        assert uses_keys(c)


async def test_who_switches_such_credentials_off_is_obeyed() -> None:
    async with serving() as c:
        c.config = replace(c.config, service_account_credentials=False)
        before = len(c.api.calls)
        await look(c)

        assert not uses_keys(c)
        assert not [c.path for c in c.api.calls[before:] if "/serviceaccounts/" in c.path or "/secrets/" in c.path]
