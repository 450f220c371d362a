"""An image registry of our own in Docker, beside a kind cluster: it stands in for a real one when releases are judged.

It asks for a password, which is new with each start and lies in a file of this user's alone. Docker pushes to a port of
127.0.0.1, which it trusts without TLS; the nodes pull by a name in kind's network, which they are told to trust.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import docker, gobuild
from .paths import state_dir
from .progress import step
from .shell import output, run, succeeds

NAME = "seldon-registry"
IMAGE = "localhost/seldon-core-dev/registry:v3"
NETWORK = "kind"
"""Of kind's nodes: their resolver knows the container by its name there."""
PORT = 5000
USER = "release"
ENV_PUSH = "RELEASE_REGISTRY_PUSH"
ENV_PULL = "RELEASE_REGISTRY_PULL"
ENV_USER = "RELEASE_REGISTRY_USER"
ENV_PASSWORD = "RELEASE_REGISTRY_PASSWORD"  # noqa: S105  # a variable's name
CONFIGURATION = {
    "version": "0.1",
    "storage": {"filesystem": {"rootdirectory": "/data"}, "delete": {"enabled": True}},
    "http": {"addr": f":{PORT}"},
    "auth": {"htpasswd": {"realm": "release", "path": "/etc/registry/htpasswd"}},
    "log": {"level": "info"},
}


@dataclass(frozen=True)
class Registry:
    """A running registry: the address to push to from this machine, the address to pull from in nodes, and who may."""

    push: str
    pull: str
    user: str
    password: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """Variables by which a stage finds it."""
        return {ENV_PUSH: self.push, ENV_PULL: self.pull, ENV_USER: self.user, ENV_PASSWORD: self.password}


def up(cluster: str) -> Registry:
    """Have the registry running, known to the nodes of a kind cluster. Raises CommandFailedError.

    It holds what was pushed to it before, where it still runs.
    """
    image = _image()
    if not _runs(image):
        with step(f"starting the registry {NAME}"):
            _start(image)
    _make_known(f"{cluster}-control-plane")
    port = output(["docker", "port", NAME, f"{PORT}/tcp"]).split()[0].rsplit(":", 1)[1]
    return Registry(f"127.0.0.1:{port}", f"{NAME}:{PORT}", USER, (_folder() / "password").read_text())


def down() -> None:
    """Remove the registry, what was pushed to it and its password."""
    if docker.answers() and succeeds(["docker", "inspect", NAME]):
        run(["docker", "rm", "--force", "--volumes", NAME])
    shutil.rmtree(_folder(), ignore_errors=True)


def _folder() -> Path:
    return state_dir() / "registry"


def _image() -> str:
    programs = gobuild.build(gobuild.REGISTRY)

    def make(labels: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            context = Path(scratch)
            shutil.copy2(programs / "registry", context / "registry")
            lines = ["FROM scratch", "COPY registry /registry", "VOLUME /data"]
            lines += ["ENV OTEL_TRACES_EXPORTER=none", 'ENTRYPOINT ["/registry"]']
            lines += ['CMD ["serve", "/etc/registry/config.yml"]']
            (context / "Dockerfile").write_text("\n".join(lines) + "\n")
            docker.build(context, IMAGE, labels=labels)

    docker.keyed_image(IMAGE, [programs.name, Path(__file__)], make)
    return IMAGE


def _runs(image: str) -> bool:
    """Whether it runs, from this very image, and its password is known."""
    seen = run(["docker", "inspect", "--format", "{{.State.Running}} {{.Image}}", NAME], check=False)
    known = (_folder() / "password").is_file()
    return known and seen.returncode == 0 and seen.stdout.split() == ["true", docker.image_id(image)]


def _start(image: str) -> None:
    down()
    folder = _folder()
    folder.mkdir(parents=True)
    password = secrets.token_urlsafe(24)
    kept = folder / "password"
    kept.touch(mode=0o600)
    kept.write_text(password)
    program = gobuild.build(gobuild.REGISTRY) / "registry"
    (folder / "htpasswd").write_text(run([program, "htpasswd", USER], stdin=password).stdout)
    (folder / "config.yml").write_text(json.dumps(CONFIGURATION))
    mounts = [
        word for name in ("htpasswd", "config.yml") for word in ("--volume", f"{folder / name}:/etc/registry/{name}:ro")
    ]
    start = ["docker", "run", "--detach", "--name", NAME, "--network", NETWORK, "--publish", f"127.0.0.1::{PORT}"]
    run([*start, *mounts, image])


def _make_known(node: str) -> None:
    """Tell a node that the registry speaks plain HTTP; its runtime reads this file before each pull."""
    folder = f"/etc/containerd/certs.d/{NAME}:{PORT}"
    text = f'[host."http://{NAME}:{PORT}"]\n  capabilities = ["pull", "resolve"]\n'
    run(["docker", "exec", node, "mkdir", "-p", folder])
    run(["docker", "exec", "--interactive", node, "tee", f"{folder}/hosts.toml"], stdin=text)
