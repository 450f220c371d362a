"""A fake API server and a client of it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from seldon_core.kube import Client
from tests.unit.kube.fake_api import FakeApi, fake_api


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as server:
        yield server


@pytest_asyncio.fixture
async def client(api: FakeApi) -> AsyncIterator[Client]:
    connected = Client.connect(field_manager="tester", server=api.url)
    yield connected
    await connected.close()
