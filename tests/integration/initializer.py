"""Run a storage initializer's image as the kubelet would, and see what it left behind."""

import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
from docker.models.volumes import Volume
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from seldon_core import __version__

DESTINATION = "/mnt/models"
MANIFEST = ".seldon-model.json"
# Longer than the slowest case, an endpoint that never answers.
_WAIT_SECONDS = 60


def image(name: str) -> str:
    """Return the full name of one of our images."""
    return f"localhost/seldon-core/{name}:{__version__}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a container ended.

    `message` is its termination message, `files` are the SHA-256 digests of what lies in the destination by relative
    path, without our manifest.
    """

    status: int
    output: str
    errors: str
    message: str
    files: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Runner:
    """Runs images beside a store, each with the same model volume and a termination log of its own."""

    network: Network
    volume: Volume
    folder: Path

    def run(
        self,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        mounts: Mapping[Path, str] | None = None,
        offline: bool = False,
        space: str = "",
    ) -> Outcome:
        """Run the image to its end, as uid 8888, without capabilities and with a read-only root file system.

        `mounts` are read-only files and folders by host path. `offline` takes the network away. `space` puts a file
        system of that size in the place of the volume.
        """
        log = self.folder / "termination-log"
        log.write_text("", encoding="utf-8")
        # The kubelet's file too may be written by any user of the container.
        log.chmod(0o666)
        container = DockerContainer(image(name)).with_command(list(arguments)).with_envs(**env)
        container.with_volume_mapping(str(log), "/dev/termination-log", "rw")
        for path, target in (mounts or {}).items():
            container.with_volume_mapping(str(path), target, "ro")
        options: dict[str, Any] = {
            "user": "8888",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
        }
        if space:
            container.with_tmpfs_mount(DESTINATION, f"size={space},mode=1777")
        else:
            container.with_volume_mapping(str(self.volume.name), DESTINATION, "rw")
        if offline:
            options["network_mode"] = "none"
        else:
            container.with_network(self.network)
        container.with_kwargs(**options)
        with container:
            running = container.get_wrapped_container()
            status = running.wait(timeout=_WAIT_SECONDS)["StatusCode"]
            return Outcome(
                status=status,
                output=running.logs(stdout=True, stderr=False).decode(),
                errors=running.logs(stdout=False, stderr=True).decode(),
                message=log.read_text(encoding="utf-8"),
                files={} if space else _digests(running),
            )


def make_volume(client: docker.DockerClient) -> Volume:
    """Make a volume that any user may write, as an emptyDir is."""
    volume = client.volumes.create()
    client.containers.run(
        image("python"),
        ["-c", f"import os; os.chmod({DESTINATION!r}, 0o777)"],
        user="0",
        volumes={volume.name: {"bind": DESTINATION, "mode": "rw"}},
        remove=True,
    )
    return volume


def digest(content: bytes) -> str:
    """Return the SHA-256 digest of some bytes."""
    return hashlib.sha256(content).hexdigest()


def _digests(container: Any) -> dict[str, str]:
    chunks, _ = container.get_archive(f"{DESTINATION}/.")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive:
            if member.isfile() and (stream := archive.extractfile(member)):
                found[member.name.removeprefix("./").removeprefix("models/")] = digest(stream.read())
    found.pop(MANIFEST, None)
    return found
