"""A MinIO with models in it, on a network that the initializers' containers join."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.volumes import Volume
from minio import Minio
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import HttpWaitStrategy

from tests.integration.initializer import Runner, image, make_volume

ACCESS_KEY = "an-access-key"
SECRET_KEY = "a-secret-access-key"
PORT = 9000
# In seconds, of a MinIO whose image is present.
START_TIMEOUT = 60

IRIS = {
    "model.joblib": bytes(range(256)) * 40,
    "metadata.yaml": b"name: iris\n",
    "empty": b"",
    "nested/deep/weights.bin": b"weights",
    "nested/with space & ünïcode.txt": b"odd name",
}
ROOT = {"model.joblib": b"root model", "metadata.yaml": b"name: root\n"}


@dataclasses.dataclass(frozen=True)
class Store:
    """A MinIO as the containers on its network reach it."""

    endpoint: str

    @property
    def rclone(self) -> dict[str, str]:
        """The credentials of a secret made for rclone, in the tutorial's spelling."""
        return self.remote("S3")

    @property
    def kfserving(self) -> dict[str, str]:
        """The credentials of a secret made for kfserving's initializer."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "USE_SSL": "false",
        }

    @property
    def service_account(self) -> dict[str, str]:
        """What the controller injects for a service account whose secret has the S3 annotations."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "S3_USE_HTTPS": "0",
            "S3_ENDPOINT": self.endpoint.removeprefix("http://"),
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def remote(self, name: str) -> dict[str, str]:
        """Return rclone's variables of a remote of that name."""
        options = {
            "TYPE": "s3",
            "PROVIDER": "minio",
            "ENV_AUTH": "false",
            "ACCESS_KEY_ID": ACCESS_KEY,
            "SECRET_ACCESS_KEY": SECRET_KEY,
            "ENDPOINT": self.endpoint,
        }
        return {f"RCLONE_CONFIG_{name}_{key}": value for key, value in options.items()}


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture(scope="session")
def store(network: Network) -> Iterator[Store]:
    container = (
        DockerContainer(image("minio"))
        .with_command("server /data")
        .with_envs(MINIO_ROOT_USER=ACCESS_KEY, MINIO_ROOT_PASSWORD=SECRET_KEY)
        .with_exposed_ports(PORT)
        .with_network(network)
        .with_network_aliases("minio")
        .waiting_for(HttpWaitStrategy(PORT, "/minio/health/ready").with_startup_timeout(START_TIMEOUT))
    )
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(PORT)}"
        _fill(Minio(address, ACCESS_KEY, SECRET_KEY, secure=False))
        yield Store(f"http://minio:{PORT}")


def _fill(client: Minio) -> None:
    def put(bucket: str, key: str, content: bytes) -> None:
        client.put_object(bucket, key, io.BytesIO(content), len(content))

    for bucket in ("sklearn", "mymodel", "empty"):
        client.make_bucket(bucket)
    for key, content in IRIS.items():
        put("sklearn", f"iris/{key}", content)
    put("sklearn", "iris2/model.joblib", b"the neighbour's model")
    # A folder that a console made: an object with a slash at its end.
    put("sklearn", "emptied/", b"")
    for key, content in ROOT.items():
        put("mymodel", key, content)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def volume(docker_client: docker.DockerClient) -> Iterator[Volume]:
    volume = make_volume(docker_client)
    yield volume
    volume.remove()


@pytest.fixture
def runner(network: Network, volume: Volume, tmp_path: Path) -> Runner:
    return Runner(network, volume, tmp_path)
