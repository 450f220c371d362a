"""How the stages know the registry and what they tell the cluster of it."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devtools import registry as provided
from release.lab_registry import PULL_SECRET, Registry
from release.stage import StageBrokenError

USER, PASSWORD = "release", "opens the registry"
LOGIN = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


class Server(http.server.BaseHTTPRequestHandler):
    """A registry that holds one image, for those who have a password."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == LOGIN
        there = self.path in {"/v2/", "/v2/seldon-core/operator/manifests/1.0"}
        self.send_response(401 if not known else 200 if there else 404)
        self.send_header("Docker-Content-Digest", "sha256:0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815  # the name that the server looks for

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Registry(f"127.0.0.1:{server.server_port}", "seldon-registry:5000", USER, PASSWORD)
        server.shutdown()
        thread.join()


def test_an_image_is_known_by_its_digest_and_a_missing_one_is_named(registry: Registry) -> None:
    assert registry.digest("seldon-core/operator", "1.0") == "sha256:0"
    with pytest.raises(AssertionError, match=r"404 for seldon-core/operator:2\.0"):
        registry.digest("seldon-core/operator", "2.0")


def test_strangers_are_refused_and_the_pull_secret_is_for_the_nodes_address(registry: Registry) -> None:
    assert registry.refuses_strangers()

    secret = registry.pull_secret()
    (address, login), *others = json.loads(secret["stringData"][".dockerconfigjson"])["auths"].items()
    assert (secret["metadata"]["name"], secret["type"]) == (PULL_SECRET, "kubernetes.io/dockerconfigjson")
    assert (address, others) == ("seldon-registry:5000", [])
    assert base64.b64decode(login["auth"]).decode() == f"{USER}:{PASSWORD}"


def test_the_environment_tells_of_a_registry_or_what_it_lacks_is_named() -> None:
    made = provided.Registry("127.0.0.1:1", "there:5000", USER, PASSWORD)

    found = Registry.of(made.environment())

    assert (found.push, found.pull, found.password) == ("127.0.0.1:1", "there:5000", PASSWORD)
    assert PASSWORD not in repr(found) + repr(made)
    with pytest.raises(StageBrokenError, match=r"RELEASE_REGISTRY_PASSWORD not set.*--need registry"):
        Registry.of({**made.environment(), "RELEASE_REGISTRY_PASSWORD": ""})
