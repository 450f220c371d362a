"""The local registry as the stages use it: pushed to from Docker, asked for digests, pulled from with a secret."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path

import requests

from devtools import registry
from devtools.registry import ENV_PASSWORD, ENV_PULL, ENV_PUSH, ENV_USER
from devtools.shell import run
from tests.e2e.harness.waiting import Object

from .stage import StageBrokenError
from .values import OURS

PULL_SECRET = "release-registry"
SECONDS = 30.0
MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in ("docker.distribution.manifest.v2", "oci.image.manifest.v1", "oci.image.index.v1")
)


class Registry(registry.Registry):
    """The registry that devtools provides, and what the stages do with it."""

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None) -> Registry:
        """The registry that the environment names. Raises StageBrokenError where it names none."""
        told = os.environ if environment is None else environment
        names = (ENV_PUSH, ENV_PULL, ENV_USER, ENV_PASSWORD)
        missing = [name for name in names if not told.get(name)]
        if missing:
            raise StageBrokenError(
                f"{', '.join(missing)} not set, so there is no registry: `python3 -m devtools run --need registry -- "
                "COMMAND` provides one."
            )
        return cls(*(told[name] for name in names))

    def take(self, name: str, scratch: Path) -> str:
        """Push an image of Docker's under its own name there; return its digest. Raises CommandFailedError.

        `scratch` is a folder for Docker's login, so that nobody's own is touched.
        """
        there = f"{self.push}/{name.removeprefix(OURS)}"
        scratch.mkdir(parents=True, exist_ok=True)
        login = scratch / "config.json"
        login.touch(mode=0o600)
        login.write_text(self._logins(self.push))
        try:
            run(["docker", "tag", name, there])
            run(["docker", "push", there], env={"DOCKER_CONFIG": str(scratch)})
            return self.digest(*name.removeprefix(OURS).rsplit(":", 1))
        finally:
            run(["docker", "rmi", there], check=False)
            login.unlink()

    def digest(self, repository: str, tag: str) -> str:
        """The digest of an image there. Raises AssertionError where it is not there."""
        url = f"http://{self.push}/v2/{repository}/manifests/{tag}"
        answer = requests.head(url, headers={"Accept": MANIFESTS}, auth=(self.user, self.password), timeout=SECONDS)
        if answer.status_code != requests.codes.ok:
            raise AssertionError(f"the registry answers {answer.status_code} for {repository}:{tag}")
        return str(answer.headers["Docker-Content-Digest"])

    def refuses_strangers(self) -> bool:
        """Whether it asks for a password at all: without that no pull secret is tested."""
        return bool(requests.get(f"http://{self.push}/v2/", timeout=SECONDS).status_code == requests.codes.unauthorized)

    def pull_secret(self) -> Object:
        """A Secret by which nodes may pull."""
        held = {".dockerconfigjson": self._logins(self.pull)}
        metadata = {"name": PULL_SECRET}
        kind = "kubernetes.io/dockerconfigjson"
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": held}

    def _logins(self, address: str) -> str:
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return json.dumps({"auths": {address: {"auth": login}}})
