"""Stores, styles of credentials and bad input: what works serves, and what cannot work is told in one sentence.

One namespace for all. A fault's reason stands in the SeldonDeployment's `status.description`, with the initializer's
exit code. The pod `detours` opens bad ways to the cluster's MinIO.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.harness import detourpod, images, manifests, minio_data
from tests.e2e.harness.cluster import SELDON_API, Cluster
from tests.e2e.harness.initializers import log_of
from tests.e2e.harness.manifests import IRIS, MINIO_URL
from tests.e2e.harness.session import Session
from tests.e2e.harness.waiting import WaitTimeoutError, wait_for
from tests.e2e.harness.workspace import Workspace

pytestmark = [pytest.mark.long(80), pytest.mark.cpus(0.5)]

WRONG_PASSWORD = "wrong-password-of-the-test"
# A Service that no cluster has: the name is not found, at once.
NOWHERE = "no-such-minio.minio-system.svc.cluster.local"
BROKEN, WHOLE, PUBLIC = "e2e-broken-models", "e2e-whole-model", "e2e-public-model"
TEXT = b"This is a text and no model.\n"
BROKEN_OBJECTS = {
    "empty/": b"",
    "no-joblib/model.joblib": TEXT,
    "zero-bytes/model.joblib": b"",
    "large/model.joblib": TEXT * 100_000,
    "changed/model.joblib": TEXT,
    "changed/SHA256SUMS": f"{'0' * 64}  model.joblib\n".encode(),
}
# Source: specification 1.1.
MODEL_VOLUME = f"{manifests.UNIT}-provision-location"
AUTHORITY = "the certificate of the authority"
"""Stands for it until it is made."""


def rclone(remote: str = "S3", **changes: str) -> dict[str, str]:
    """The store in rclone's variables, with changes."""
    return manifests.rclone_options(remote) | {f"RCLONE_CONFIG_{remote}_{key}": text for key, text in changes.items()}


def kfserving(**changes: str) -> dict[str, str]:
    """The store in kfserving's variables, with changes."""
    return manifests.KFSERVING | changes


@dataclass(frozen=True)
class Case:
    """A model's address, its secret and, where the store is not asked directly, the detour.

    Of one that cannot work: the initializer's exit code (None: it is the server that fails), and what the description
    must say, a regular expression.
    """

    code: int | None = 0
    says: str = ""
    uri: str = IRIS
    secret: Mapping[str, str] = field(default_factory=rclone)
    way: str = ""
    digest: str = ""
    room: str = ""
    """The size of the model's volume, where it is the user's own."""

    @property
    def wanted(self) -> str:
        """The whole description."""
        if self.code is None:
            return rf"^container {manifests.UNIT} of pod \S+ .*{self.says}"
        return rf"^init container {manifests.INITIALIZER} of pod \S+ failed with exit code {self.code}: .*{self.says}"


FAULTS = {
    # The slowest comes first.
    "hangs": Case(5, "it does not answer in time", way="hangs"),
    "wrong-key": Case(6, "does not belong to the access key id", secret=rclone(SECRET_ACCESS_KEY=WRONG_PASSWORD)),
    "unknown-key": Case(6, "access key id is unknown to the store", secret=kfserving(AWS_ACCESS_KEY_ID="nobody")),
    "nobody": Case(6, "denied and no credentials were given: set envSecret", secret={"AWS_ENDPOINT_URL": MINIO_URL}),
    "empty-key": Case(
        3, "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY missing or empty in the secret", secret=rclone(SECRET_ACCESS_KEY="")
    ),
    "empty-old-key": Case(3, "AWS_SECRET_ACCESS_KEY is missing or empty", secret=kfserving(AWS_SECRET_ACCESS_KEY="")),
    "unknown-remote": Case(3, 'remote "mys3" of modelUri mys3:sklearn/iris is not defined', uri="mys3:sklearn/iris"),
    "no-backend": Case(
        3,
        'no rclone backend "b2".*rclone-storage-initializer-full',
        uri="far:iris",
        secret={"RCLONE_CONFIG_FAR_TYPE": "b2"},
    ),
    "missing-bucket": Case(4, 'there is no bucket "sklaern".*nearest: sklearn', uri="s3://sklaern/iris"),
    "missing-path": Case(4, "no objects under s3://sklearn/irsi .*nearest: iris/", uri="s3://sklearn/irsi"),
    "sibling-prefix": Case(4, "no objects under s3://sklearn/iri .*nearest: iris/", uri="s3://sklearn/iri"),
    "empty-folder": Case(4, f"the folder s3://{BROKEN}/empty .*is empty", uri=f"s3://{BROKEN}/empty"),
    "no-such-host": Case(5, f"{NOWHERE}.*does not resolve", secret=rclone(ENDPOINT=f"http://{NOWHERE}:9000")),
    "refuses": Case(5, "it refuses connections", way="refuses"),
    "redirects": Case(5, "it redirects", way="redirects"),
    "no-tls": Case(5, "it speaks http, not https", secret=rclone(ENDPOINT=f"https://{manifests.MINIO_HOST}")),
    "own-authority": Case(5, "its TLS certificate is not trusted: mount its CA and set", way="tls"),
    "disk-full": Case(
        7, r"large .*needs 2\.8 MiB, and /mnt/models has 1\.0 MiB free", uri=f"s3://{BROKEN}/large", room="1Mi"
    ),
    "leads-out": Case(10, r'holds the key "[^"]+/metadata\.yaml", which leaves the model\'s folder', way="leads-out"),
    "changed-byte": Case(11, "model.joblib of s3://sklearn/iris .*arrived with another content", way="flips"),
    "changed-file": Case(11, "model.joblib of .*and SHA256SUMS says 0{64}", uri=f"s3://{BROKEN}/changed"),
    "changed-model": Case(11, "and sha256:0{64} was expected", digest=f"sha256:{'0' * 64}"),
    "no-joblib": Case(None, r"model\.joblib", uri=f"s3://{BROKEN}/no-joblib"),
    "zero-bytes": Case(None, r"model\.joblib", uri=f"s3://{BROKEN}/zero-bytes"),
}

WORKS = {
    "anonymous": Case(uri=f"s3://{PUBLIC}/iris", secret={"AWS_ENDPOINT_URL": MINIO_URL}),
    "own-remote": Case(
        uri="mys3:sklearn/iris",
        secret=rclone("MYS3", PROVIDER="MinIO Enterprise", REGION="us-east-1", FORCE_PATH_STYLE="true"),
    ),
    "region": Case(uri="minio://sklearn/iris", secret=kfserving(AWS_REGION="us-east-1", S3_FORCE_PATH_STYLE="true")),
    "authority": Case(secret=rclone() | {"RCLONE_CA_CERT": AUTHORITY}, way="tls"),
    "whole": Case(uri=f"s3://{WHOLE}/iris"),
}
WHOLE_FILES = 4


@pytest.fixture(scope="module")
def buckets(cluster: Cluster, session: Session) -> Iterator[None]:
    """Buckets with broken models, with a whole one that everything may lie beside, and a public one."""
    kubectl = session.tool("kubectl", cluster)
    with minio_data.storage(kubectl, session.timeouts) as client:
        iris = {name: minio_data.read(client, "sklearn", f"iris/{name}") for name in ("model.joblib", "metadata.yaml")}
        sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in iris.items())
        whole = {f"iris/{name}": content for name, content in iris.items()}
        minio_data.fill(client, BROKEN, BROKEN_OBJECTS)
        minio_data.fill(client, PUBLIC, whole)
        minio_data.open_to_all(client, PUBLIC)
        beside = {"iris/empty": b"", "iris/SHA256SUMS": sums.encode(), "iris2/model.joblib": TEXT}
        minio_data.fill(client, WHOLE, whole | beside)
    yield
    if not session.keep:
        with minio_data.storage(kubectl, session.timeouts) as client:
            for bucket in (BROKEN, WHOLE, PUBLIC):
                minio_data.remove(client, bucket)


@pytest.fixture(scope="module")
def authority(shared_workspace: Workspace, buckets: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate that vouches for the detour with TLS; the detours are open."""
    return detourpod.start(shared_workspace, Path(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="module")
def descriptions(shared_workspace: Workspace, authority: str) -> Mapping[str, str]:
    """What the status of each fault says at last; those that say what they should are gone, to give others room."""
    workspace, last = shared_workspace, dict.fromkeys(FAULTS, "")
    deploy(workspace, FAULTS, authority)
    waiting = set(FAULTS)

    def told() -> None:
        for sdep in workspace.cluster.objects(SELDON_API, "SeldonDeployment", workspace.namespace):
            name, status = sdep["metadata"]["name"], sdep.get("status") or {}
            if name not in waiting:
                continue
            last[name] = f"{status.get('state')}: {status.get('description')}"
            if status.get("state") == "Failed" and re.search(FAULTS[name].wanted, status["description"]):
                last[name] = status["description"]
                workspace.cluster.delete(SELDON_API, "SeldonDeployment", name, workspace.namespace)
                waiting.discard(name)
        assert not waiting, f"{len(waiting)} have not told: {', '.join(sorted(waiting))}"

    # Each test tells what its own fault said.
    with suppress(WaitTimeoutError):
        wait_for(told, what="the faults to be told", seconds=workspace.timeouts.failure, interval=0.5)
    return last


def deploy(workspace: Workspace, cases: Mapping[str, Case], authority: str) -> None:
    """Apply a secret and a SeldonDeployment for each case."""
    for name, case in cases.items():
        secret = {key: authority if value == AUTHORITY else value for key, value in case.secret.items()}
        if case.way:
            secret["RCLONE_CONFIG_S3_ENDPOINT"] = detourpod.endpoint(workspace, case.way)
        sdep = manifests.iris(name, model_uri=case.uri, env_secret=name)
        if case.digest:
            sdep["spec"]["predictors"][0]["annotations"] = {"seldon.io/model-digest": case.digest}
        if case.room:
            volume = {"name": MODEL_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": case.room}}
            pod = {"containers": [{"name": manifests.UNIT}], "volumes": [volume]}
            sdep["spec"]["predictors"][0]["componentSpecs"] = [{"spec": pod}]
        workspace.apply(manifests.secret(name, secret), sdep)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_told(descriptions: Mapping[str, str], name: str) -> None:
    description = descriptions[name]

    assert re.search(FAULTS[name].wanted, description), description
    assert_one_sentence(description)
    assert WRONG_PASSWORD not in description


def test_what_works_serves(shared_workspace: Workspace, authority: str) -> None:
    workspace = shared_workspace
    deploy(workspace, WORKS, authority)

    for name in WORKS:
        workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)
    said = log_of(workspace, "whole")
    # Neither the sibling's file, nor without the empty one.
    assert f"s3://{WHOLE}/iris (endpoint {MINIO_URL}): {WHOLE_FILES} files, " in said
    assert "the model is what was expected: sha256:" in said


def test_missing_secret_is_named_and_mended_by_making_it(shared_workspace: Workspace) -> None:
    workspace, name, secret = shared_workspace, "no-secret", "seldon-rclone-secret"
    workspace.apply(manifests.iris(name, env_secret=secret))

    description = workspace.wait_failed(name, (secret, r"not found|missing|no secret|does not exist|not there"))
    assert_one_sentence(description)

    workspace.apply(manifests.rclone_secret(secret))
    workspace.wait_available(name, tolerate_failed=True)
    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)


def assert_one_sentence(description: str) -> None:
    """It is a line of words for people, no trace of a program."""
    assert "\n" not in description.strip(), description
    assert 5 <= len(description.split()) <= 100, description
    assert "Traceback" not in description, description
