"""`smoke`: a model of each credential style answers the golden prediction, and bad credentials are told as such."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from release.lab_models import assert_predicts
from release.lab_stage import ClusterStage, Visit
from tests.e2e.harness import manifests, minio_data
from tests.e2e.harness.waiting import Object
from tests.e2e.harness.workspace import Workspace

NAMESPACE = "release-smoke"
WRONG_PASSWORD = "wrong-password-of-the-pipeline"
OPEN_BUCKET = "release-open"
READ_BY_ALL = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},'
    '"Action":["s3:GetObject","s3:ListBucket","s3:GetBucketLocation"],'
    f'"Resource":["arn:aws:s3:::{OPEN_BUCKET}","arn:aws:s3:::{OPEN_BUCKET}/*"]}}]}}'
)
REASON = (r"credential|access key|secret|denied|signature|403", r"s3|sklearn")
"""What the status must say of a wrong password."""


def _rclone(name: str) -> list[Object]:
    return [manifests.rclone_secret("of-rclone"), manifests.iris(name, env_secret="of-rclone")]


def _kfserving(name: str) -> list[Object]:
    return [manifests.kfserving_secret("of-kfserving"), manifests.iris(name, env_secret="of-kfserving")]


def _account(name: str) -> list[Object]:
    return [*manifests.service_account("of-account"), manifests.iris(name, account="of-account")]


def _anonymous(name: str) -> list[Object]:
    options = {"TYPE": "s3", "PROVIDER": "Minio", "ENV_AUTH": "false", "ENDPOINT": manifests.MINIO_URL}
    values = {f"RCLONE_CONFIG_S3_{option}": value for option, value in options.items()}
    uri = f"s3://{OPEN_BUCKET}/iris"
    return [manifests.secret("of-nobody", values), manifests.iris(name, env_secret="of-nobody", model_uri=uri)]


def _orchestrated(name: str) -> list[Object]:
    document = manifests.iris(name, env_secret="of-rclone")
    document["spec"]["predictors"][0]["svcOrchSpec"] = manifests.SMALL_ORCHESTRATOR
    return [manifests.rclone_secret("of-rclone"), document]


STYLES: dict[str, tuple[str, Callable[[str], list[Object]]]] = {
    "iris-rclone": ("an rclone secret", _rclone),
    "iris-kfserving": ("a kfserving secret (AWS_*)", _kfserving),
    "iris-account": ("a service account's annotated secret", _account),
    "iris-orchestrated": ("an rclone secret, behind an orchestrator's container", _orchestrated),
    "iris-anonymous": ("no credentials, for a bucket that all may read", _anonymous),
}


def ask(visit: Visit) -> None:
    """The stage's questions: all models begin at once, and are asked one after the other."""
    visit.release.install(visit.chart.folder, visit.values)
    visit.lab.drop_namespace(NAMESPACE)
    workspace = visit.lab.workspace(NAMESPACE)
    _open_bucket(visit)
    began = time.monotonic()
    for name, (style, documents) in STYLES.items():
        with visit.ask.expect(f"a model with {style} is accepted", where=f"SeldonDeployment/{name}"):
            workspace.apply(*documents(name))
    for name, (style, _) in STYLES.items():
        with visit.ask.expect(f"a model with {style} answers", where=f"SeldonDeployment/{name}", hint=_hint(name)):
            _within(workspace, began).wait_available(name)
            visit.ask.figures[f"apply to Available, {style}, s"] = round(time.monotonic() - began, 1)
            workspace.wait_led(name)
            assert_predicts(workspace, name)
    if any(check.passed for check in visit.ask.checks[-len(STYLES) :]):
        # Where no model is served at all, a stranger's is no other case.
        _bad_credentials(visit, workspace)
    visit.lab.drop_namespace(NAMESPACE)


def _within(workspace: Workspace, began: float) -> Workspace:
    """The same, with what is left of the time that a model may take: all have begun at once."""
    left = max(1.0, began + workspace.timeouts.model_ready - time.monotonic())
    return replace(workspace, timeouts=replace(workspace.timeouts, model_ready=left))


def _bad_credentials(visit: Visit, workspace: Workspace) -> None:
    name = "iris-denied"
    with visit.ask.expect("wrong credentials are named in the status", where=f"SeldonDeployment/{name}"):
        secret = manifests.rclone_secret("of-a-stranger", password=WRONG_PASSWORD)
        workspace.apply(secret, manifests.iris(name, env_secret="of-a-stranger"))
        said = workspace.wait_failed(name, REASON)
        assert WRONG_PASSWORD not in said, "the status tells the password"


def _open_bucket(visit: Visit) -> None:
    with minio_data.storage(visit.lab.kubectl, visit.lab.timeouts) as client:
        model = minio_data.read(client, "sklearn", "iris/model.joblib")
        minio_data.fill(client, OPEN_BUCKET, {"iris/model.joblib": model})
        client.set_bucket_policy(OPEN_BUCKET, READ_BY_ALL)


def _hint(name: str) -> str:
    return f"`kubectl describe sdep {name}` tells what its pods say."


STAGE = ClusterStage("smoke", "Models with every style of credentials answer", ask, after=("install",))
