"""Stores: MinIO in containers, with and without TLS; an emulator of Google's, Azurite and a web server as processes."""

import base64
import functools
import hashlib
import hmac
import io
import json
import os
import sys
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from minio import Minio
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy, LogMessageWaitStrategy

from tests.integration.controlplane import free_ports
from tests.integration.initializer import image
from tests.integration.storage import certificates, web
from tests.integration.storage.local import FILES, PARTS, Fetcher, process, upload
from tests.integration.storage.places import (
    AZURE_ACCOUNT,
    AZURE_KEY,
    S3,
    S3_ACCESS_KEY,
    S3_SECRET_KEY,
    TOKEN,
    Azure,
    Google,
)

_MINIO_PORT = 9000
_MINIO_START_SECONDS = 60


@pytest.fixture(scope="session")
def rclone() -> Path:
    """The image's own rclone (`python -m devtools run --need stores`)."""
    return Path(os.environ["RCLONE"])


@pytest.fixture
def fetcher(tmp_path: Path, rclone: Path) -> Fetcher:
    return Fetcher(tmp_path, rclone, [str(Path(os.environ["PARTSUMS"]).parent)])


@pytest.fixture(scope="session")
def google(rclone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Google]:
    """The emulator behind a gate that asks for a token, as the cloud does; `open` is the way without one."""
    folder = tmp_path_factory.mktemp("google")
    (port,) = free_ports(1)
    words = ["-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with (
        process([sys.executable, *words], port, folder / "log"),
        web.serve(functools.partial(_tokens, key.public_key())) as tokens,
        web.serve(functools.partial(_gated, web.forward(f"http://127.0.0.1:{port}"))) as gate,
    ):
        endpoint = f"http://127.0.0.1:{port}"
        options = {"type": "google cloud storage", "anonymous": "true", "endpoint": endpoint, "project_number": "p"}
        upload(rclone, folder / "files", FILES, options)
        yield Google(open=endpoint, gate=gate, tokens=tokens, key=_key_file(key, tokens))


def _key_file(key: rsa.RSAPrivateKey, tokens: str) -> str:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "p",
            "private_key_id": "k",
            "private_key": private.decode(),
            "client_email": "models@p.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{tokens}/token",
        }
    )


def _tokens(key: rsa.RSAPublicKey, request: web.Request) -> web.Answer:
    """Google's token endpoint, for a signed assertion, and the metadata service of a node."""
    granted = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
    head = {"Content-Type": "application/json", "Metadata-Flavor": "Google"}
    if request.path.startswith("/computeMetadata/v1/instance/service-accounts/default/token"):
        return web.Answer(200, granted, head)
    if request.path.startswith("/computeMetadata") or request.path == "/":
        return web.Answer(200, b"p", head | {"Content-Type": "text/plain"})
    signed, _, signature = parse_qs(request.body.decode())["assertion"][0].rpartition(".")
    try:
        key.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except Exception:  # noqa: BLE001  # whatever is wrong with it
        return web.Answer(400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}', head)
    return web.Answer(200, granted, head)


def _gated(through: web.Respond, request: web.Request) -> web.Answer:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        text = b'{"error":{"code":401,"message":"Anonymous caller does not have storage.objects.list access"}}'
        return web.Answer(401, text, {"Content-Type": "application/json"})
    return through(request)


@pytest.fixture(scope="session")
def azure(rclone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("azure")
    (port,) = free_ports(1)
    words = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    words += ["--skipApiVersionCheck", "--disableTelemetry"]
    with process(["node", os.environ["AZURITE"], *words], port, folder / "log"):
        endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        options = {"type": "azureblob", "account": AZURE_ACCOUNT, "key": AZURE_KEY, "endpoint": endpoint}
        upload(rclone, folder / "files", FILES, options)
        yield Azure(endpoint=endpoint, sas=_account_sas())


def _account_sas() -> str:
    """A token that may list and read. Source: Azure's documentation, "Create an account SAS"."""
    fields = {
        "sv": "2021-12-02",
        "ss": "b",
        "srt": "sco",
        "sp": "rl",
        "se": "2099-01-01T00:00:00Z",
        "spr": "https,http",
    }
    order = [AZURE_ACCOUNT, fields["sp"], fields["ss"], fields["srt"], "", fields["se"], "", fields["spr"]]
    text = "\n".join([*order, fields["sv"], "", ""])
    signature = hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()
    return urlencode(fields | {"sig": base64.b64encode(signature).decode()})


@pytest.fixture(scope="session")
def website(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server with an index of each folder."""
    folder = tmp_path_factory.mktemp("website")
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    handler = functools.partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def minio() -> Iterator[S3]:
    container = _minio().waiting_for(HttpWaitStrategy(_MINIO_PORT, "/minio/health/ready").with_startup_timeout(60))
    with container:
        store = S3(f"http://{_address(container)}")
        _fill(Minio(_address(container), S3_ACCESS_KEY, S3_SECRET_KEY, secure=False))
        yield store


@pytest.fixture(scope="session")
def minio_tls(rclone: Path, minio: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A MinIO behind TLS, with a certificate of an authority that nobody knows."""
    folder = tmp_path_factory.mktemp("minio-tls")
    container = _minio("--certs-dir", "/certs").with_volume_mapping(str(folder / "certs"), "/certs", "ro")
    # Containers are reached at one address, which a container that is not started cannot tell yet.
    authority = certificates.make(folder / "certs", [str(urlsplit(minio.endpoint).hostname), "localhost"])
    ready = LogMessageWaitStrategy("https://").with_startup_timeout(_MINIO_START_SECONDS)
    with container.waiting_for(ready):
        store = S3(f"https://{_address(container)}", authority)
        options = {"type": "s3", "provider": "Minio", "endpoint": store.endpoint, "env_auth": "false"}
        options |= {"access_key_id": S3_ACCESS_KEY, "secret_access_key": S3_SECRET_KEY}
        (folder / "ca.pem").write_text(authority, encoding="utf-8")
        upload(rclone, folder / "files", FILES, options, {"RCLONE_CA_CERT": str(folder / "ca.pem")})
        yield store


def _minio(*words: str) -> DockerContainer:
    return (
        DockerContainer(image("minio"))
        .with_command(["server", "/data", *words])
        .with_envs(MINIO_ROOT_USER=S3_ACCESS_KEY, MINIO_ROOT_PASSWORD=S3_SECRET_KEY)
        .with_exposed_ports(_MINIO_PORT)
    )


def _address(container: DockerContainer) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(_MINIO_PORT)}"


def _fill(client: Minio) -> None:
    for bucket in ("sklearn", "mymodel", "public", "parts", "odd"):
        client.make_bucket(bucket)
    for path, content in FILES.items():
        bucket, _, key = path.partition("/")
        client.put_object(bucket, key, io.BytesIO(content), len(content))
    # In parts, as large files are uploaded: their ETag is no MD5.
    client.put_object("parts", "large.bin", io.BytesIO(PARTS), -1, part_size=5 * 1024 * 1024)
    # In parts of a size that no tool uses.
    client.put_object("odd", "large.bin", io.BytesIO(PARTS), -1, part_size=5 * 1024 * 1024 + 12_345)
    client.put_object("public", "iris/model.joblib", io.BytesIO(b"public"), 6)
    everybody = {"Effect": "Allow", "Principal": {"AWS": ["*"]}}
    listing = everybody | {"Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::public"]}
    reading = everybody | {"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::public/*"]}
    client.set_bucket_policy("public", json.dumps({"Version": "2012-10-17", "Statement": [listing, reading]}))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""
