"""Which secrets and fields a migration changes: the least that does it."""

import dataclasses

from seldon_core.storage.migration import Credentials, State
from seldon_core.storage.migration_plan import Edit, Known, SecretState, Site, plan

SEED = {
    "AWS_ACCESS_KEY_ID": "an-access-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    "AWS_ENDPOINT_URL": "http://minio:9000",
}
OLD = SecretState(name="old", data=SEED)
OF_ACCOUNT = SecretState(name="minio-sa-secret", data={"awsAccessKeyID": "an-access-key"})
IRIS = Site(namespace="ns", deployment="iris", path=("spec", "predictors", 0, "graph"), node="classifier",
            uri="s3://sklearn/iris", env_secret="old")  # fmt: skip
OF_MINIO = dataclasses.replace(IRIS, env_secret="", service_account="minio-sa")


def known(site: Site = IRIS, env_secret: SecretState | None = OLD, account: SecretState | None = None) -> Known:
    env = {**(env_secret.data if env_secret else {}), **(SEED if account else {})}
    return Known(site=site, credentials=Credentials(env), env_secret=env_secret, account=account)


def test_a_secret_is_extended_and_nothing_else_changes() -> None:
    found = plan([known()])

    assert [(each.name, each.create, each.used_by) for each in found.secrets] == [("old", False, ("iris/classifier",))]
    assert found.sites[0].edits == ()


def test_a_secret_of_two_models_is_extended_once() -> None:
    other = dataclasses.replace(IRIS, node="second", path=(*IRIS.path, "children", 0), uri="s3://sklearn/wine")
    found = plan([known(), known(other)])

    assert [each.used_by for each in found.secrets] == [("iris/classifier", "iris/second")]
    assert len(found.secrets[0].keys) == 6


def test_a_model_of_a_service_account_is_pointed_at_its_secret() -> None:
    found = plan([known(OF_MINIO, None, OF_ACCOUNT)])

    assert [(each.name, each.create) for each in found.secrets] == [("minio-sa-secret", False)]
    assert found.sites[0].edits == (Edit("envSecretRefName", None, "minio-sa-secret"),)
    assert found.sites[0].origin == "service account minio-sa (secret minio-sa-secret)"


def test_variables_of_one_secret_and_credentials_of_another_meet_in_a_third() -> None:
    proxy = SecretState(name="proxy", data={"HTTPS_PROXY": "http://proxy:3128"})
    found = plan([known(dataclasses.replace(OF_MINIO, default_secret="proxy"), proxy, OF_ACCOUNT)])
    (secret,) = found.secrets

    assert (secret.name, secret.create, dict(secret.copied)) == ("proxy-minio-sa-secret", True, dict(proxy.data))
    assert found.sites[0].edits == (Edit("envSecretRefName", None, "proxy-minio-sa-secret"),)
    assert found.sites[0].env["HTTPS_PROXY"] == "http://proxy:3128"


def test_a_secret_that_cannot_be_extended_gets_a_successor() -> None:
    found = plan([known(env_secret=dataclasses.replace(OLD, fixed="is immutable"))])
    (secret,) = found.secrets

    assert (secret.name, secret.create, secret.reason) == ("old-rclone", True, "secret old is immutable")
    assert dict(secret.copied) == SEED
    assert found.sites[0].edits == (Edit("envSecretRefName", "old", "old-rclone"),)


def test_what_a_person_put_into_the_secret_of_a_service_account_is_not_overwritten() -> None:
    other = dataclasses.replace(OF_ACCOUNT, data={"RCLONE_CONFIG_S3_ENDPOINT": "http://elsewhere:9000"})
    (site,) = plan([known(OF_MINIO, None, other)]).sites

    assert site.state is State.HAND
    assert "other values for RCLONE_CONFIG_S3_ENDPOINT" in site.reason


def test_after_a_migration_nothing_is_left() -> None:
    keys = {key.name: key.value for key in plan([known()]).secrets[0].keys}
    done = dataclasses.replace(OLD, data={**SEED, **keys}, ours=frozenset(keys))
    found = plan([known(env_secret=done)])

    assert (found.is_empty, found.sites[0].state) == (True, State.DONE)


def test_the_look_into_the_store_has_no_old_variables() -> None:
    env = plan([known(env_secret=dataclasses.replace(OLD, data={**SEED, "HTTPS_PROXY": "p"}))]).sites[0].env

    assert "HTTPS_PROXY" in env
    assert not [name for name in env if name.startswith("AWS_")]


def test_an_image_for_one_deployment_and_back() -> None:
    keys = {key.name: key.value for key in plan([known()]).secrets[0].keys}
    done = dataclasses.replace(OLD, data={**SEED, **keys}, ours=frozenset(keys))
    moved = dataclasses.replace(IRIS, image="new:1")

    assert plan([known(env_secret=done)], image="new:1").sites[0].edits == (
        Edit("storageInitializerImage", None, "new:1"),
    )
    assert plan([known(moved, done)], image="new:1").is_empty
    assert plan([known(moved, done)], image="").sites[0].edits == (Edit("storageInitializerImage", "new:1", None),)


def test_what_needs_a_hand_is_not_moved() -> None:
    found = plan([dataclasses.replace(known(), problem="secret old does not exist")], image="new:1")

    assert (found.sites[0].state, found.sites[0].edits, found.is_empty) == (State.HAND, (), False)


def test_a_users_own_init_container_is_left_alone() -> None:
    (site,) = plan([known(dataclasses.replace(IRIS, own_init=True, uri="dummy value"))], image="new:1").sites

    assert (site.state, site.edits) == (State.NOTHING, ())


def test_credentials_for_one_folder_alone_need_secrets_of_their_own() -> None:
    sas = SecretState(name="sas", data={"AZURE_STORAGE_SAS_TOKEN": "sig=a-signature"})
    one, other = (
        dataclasses.replace(IRIS, env_secret="sas", uri=f"https://account.blob.core.windows.net/{container}/iris")
        for container in ("one", "other")
    )
    found = plan([known(one, sas), known(other, sas)])

    assert [site.state for site in found.sites] == [State.MIGRATE, State.HAND]
    assert found.sites[1].reason == (
        "secret sas is to have other credentials for another model: give this one a secret of its own"
    )
