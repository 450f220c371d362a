"""Secrets of kfserving's time, in rclone's terms."""

import pytest

from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.kfserving import gcs_remotes, s3_remotes
from seldon_core.storage.remote import Remote

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
MINIO = "http://minio.minio-system.svc.cluster.local:9000"
BASE = {"type": "s3", "env_auth": "false", "access_key_id": "id", "secret_access_key": "secret"}


def only(remotes: tuple[Remote, ...]) -> Remote:
    assert len(remotes) == 1
    return remotes[0]


@pytest.mark.parametrize(
    ("env", "options"),
    [
        # The seeds' secret.
        ({"AWS_ENDPOINT_URL": MINIO, "USE_SSL": "false"}, {"provider": "Minio", "endpoint": MINIO}),
        # What the controller injects for a service account (specification 1.4).
        (
            {
                "S3_ENDPOINT": "minio.minio-system.svc.cluster.local:9000",
                "S3_USE_HTTPS": "0",
                "AWS_ENDPOINT_URL": MINIO,
            },
            {"provider": "Minio", "endpoint": MINIO},
        ),
        ({"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"}, {"provider": "Minio", "endpoint": "http://minio:9000"}),
        ({"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "1"}, {"provider": "Minio", "endpoint": "https://minio:9000"}),
        ({"S3_ENDPOINT": "minio:9000"}, {"provider": "Minio", "endpoint": "https://minio:9000"}),
        (
            {"AWS_ENDPOINT_URL": "minio:9000", "USE_SSL": "False"},
            {"provider": "Minio", "endpoint": "http://minio:9000"},
        ),
        ({"AWS_ENDPOINT_URL": "https://ceph.corp/"}, {"provider": "Other", "endpoint": "https://ceph.corp"}),
        (
            {"AWS_ENDPOINT_URL": "https://storage.googleapis.com"},
            {"provider": "GCS", "endpoint": "https://storage.googleapis.com"},
        ),
        # AWS itself.
        ({}, {"provider": "AWS"}),
        ({"AWS_REGION": "eu-west-1"}, {"provider": "AWS", "region": "eu-west-1"}),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, {"provider": "AWS", "region": "eu-west-1"}),
        ({"AWS_ENDPOINT_URL": "http://s3.amazonaws.com"}, {"provider": "AWS"}),
        (
            {"S3_ENDPOINT": "s3.eu-central-1.amazonaws.com", "S3_USE_HTTPS": "1"},
            {"provider": "AWS", "region": "eu-central-1", "endpoint": "https://s3.eu-central-1.amazonaws.com"},
        ),
        ({"AWS_SESSION_TOKEN": "token"}, {"provider": "AWS", "session_token": "token"}),
    ],
)
def test_keys_and_endpoints(env: dict[str, str], options: dict[str, str]) -> None:
    remote = only(s3_remotes("s3", {**KEYS, **env}))

    assert remote.options == BASE | options
    assert remote.keys == "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def test_a_newline_at_a_secrets_end_is_dropped() -> None:
    remote = only(
        s3_remotes(
            "s3", {"AWS_ACCESS_KEY_ID": "id\n", "AWS_SECRET_ACCESS_KEY": "secret\n", "AWS_ENDPOINT_URL": MINIO + "\n"}
        )
    )

    assert remote.options == BASE | {"provider": "Minio", "endpoint": MINIO}


@pytest.mark.parametrize(
    ("env", "flags"),
    [
        ({"S3_VERIFY_SSL": "0"}, {"RCLONE_NO_CHECK_CERTIFICATE": "true"}),
        ({"VERIFY_SSL": "false"}, {"RCLONE_NO_CHECK_CERTIFICATE": "true"}),
        ({"S3_VERIFY_SSL": "1"}, {}),
        ({"AWS_CA_BUNDLE": "/certs/ca.pem"}, {"RCLONE_CA_CERT": "/certs/ca.pem"}),
    ],
)
def test_trust(env: dict[str, str], flags: dict[str, str]) -> None:
    assert only(s3_remotes("s3", {**KEYS, **env})).flags == flags


def test_keys_of_a_service_accounts_secret_given_as_environment() -> None:
    env = {"awsAccessKeyID": "id", "awsSecretAccessKey": "secret", "S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"}

    assert only(s3_remotes("s3", env)).options["access_key_id"] == "id"


@pytest.mark.parametrize(
    ("missing", "given"),
    [("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")],
)
@pytest.mark.parametrize("blank", [None, "", " \n"])
def test_half_of_the_keys(missing: str, given: str, blank: str | None) -> None:
    env = {given: "value"} | ({missing: blank} if blank is not None else {})

    with pytest.raises(StorageError, match=f"{missing} is missing or empty while {given} is set") as raised:
        s3_remotes("s3", env)

    assert raised.value.code is ExitCode.CONFIG


def test_anonymous_when_asked_for_even_with_keys() -> None:
    remote = only(s3_remotes("s3", {**KEYS, "awsAnonymousCredential": "True"}))

    assert remote.anonymous
    assert not remote.ambient


def test_without_keys_the_pods_identity_is_used() -> None:
    remote = only(s3_remotes("s3", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token", "AWS_ROLE_ARN": "arn"}))

    assert remote.ambient


def test_with_nothing_public_access_is_tried_before_what_the_sdk_finds() -> None:
    first, second = s3_remotes("s3", {})

    assert first.anonymous
    assert second.ambient


def test_with_an_endpoint_and_no_keys_only_public_access_is_tried() -> None:
    """AWS's instance identity means nothing to a MinIO."""
    assert only(s3_remotes("s3", {"AWS_ENDPOINT_URL": MINIO})).anonymous


@pytest.mark.parametrize(
    ("env", "style"),
    [
        ({"S3_FORCE_PATH_STYLE": "true"}, "true"),
        ({"S3_USE_VIRTUAL_BUCKET": "1"}, "false"),
        ({"S3_USE_VIRTUAL_BUCKET": "0"}, "true"),
        ({"AWS_S3_ADDRESSING_STYLE": "virtual"}, "false"),
        ({"AWS_S3_ADDRESSING_STYLE": "path"}, "true"),
        ({}, None),
    ],
)
def test_path_style(env: dict[str, str], style: str | None) -> None:
    assert only(s3_remotes("s3", {**KEYS, **env})).options.get("force_path_style") == style


def test_google_by_its_own_clients_variables() -> None:
    remote = only(
        gcs_remotes(
            "gs", {"GOOGLE_APPLICATION_CREDENTIALS": '{"type": "x"}\n', "STORAGE_EMULATOR_HOST": "http://gcs:9023"}
        )
    )

    assert remote.options == {
        "type": "google cloud storage",
        "service_account_credentials": '{"type": "x"}',
        "endpoint": "http://gcs:9023",
    }
    assert '{"type": "x"}' in remote.secrets


def test_google() -> None:
    with_key = only(gcs_remotes("gs", {"GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/key.json"}))
    public, identity = gcs_remotes("gs", {})

    assert with_key.options == {"type": "google cloud storage", "service_account_file": "/var/secrets/key.json"}
    assert not with_key.anonymous
    assert public.options["anonymous"] == "true"
    assert public.anonymous
    assert identity.ambient
