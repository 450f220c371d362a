"""Where nodes are asked: a client's word for a model stays one word of the path."""

import pytest

from seldon_core.executor import paths
from seldon_core.executor.nodes import Step
from tests.unit.executor.stand import Node, executor, settings, unit

pytestmark = pytest.mark.asyncio
WORDS = {"a%20b": "a b", "a%3Fx=y": "a?x=y", "a%0d%0aX-Y:%20z": "a\r\nX-Y: z", "%C3%A9": "é", "my-model": "my-model"}


@pytest.mark.parametrize(("protocol", "path"), [("v2", "/v2/models/{}/infer"), ("tensorflow", "/v1/models/{}:predict")])
async def test_whatever_a_client_calls_a_model_arrives_at_the_node(protocol: str, path: str) -> None:
    node = await Node().start()
    async with executor(settings(unit("c", node), "--protocol", protocol)) as client:
        for word, name in WORDS.items():
            assert (await client.ask("POST", path.format(word), b"{}")).status == 200
            got = node.requests[-1]
            assert (got.path, got.query, got.headers.get("x-y")) == (path.format(name), b"", None)


async def test_words_are_quoted_whole() -> None:
    assert paths.v2(Step.METADATA, "a/b") == "/v2/models/a%2Fb"
    assert paths.tensorflow(Step.PREDICT, "a:b") == "/v1/models/a%3Ab:predict"
