"""Where the remote of a URI comes from."""

from pathlib import Path

import pytest

from seldon_core.storage.credentials import resolve
from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.remote import Remote, fix_provider, guess_provider
from seldon_core.storage.uri import parse

ENDPOINT = "http://minio.minio-system.svc.cluster.local:9000"
SEED = {
    "RCLONE_CONFIG_S3_TYPE": "s3",
    "RCLONE_CONFIG_S3_PROVIDER": "minio",
    "RCLONE_CONFIG_S3_ENV_AUTH": "false",
    "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "minioadmin",
    "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": "minioadmin",
    "RCLONE_CONFIG_S3_ENDPOINT": ENDPOINT,
}
OPTIONS = {
    "type": "s3",
    "provider": "Minio",
    "env_auth": "false",
    "access_key_id": "minioadmin",
    "secret_access_key": "minioadmin",
    "endpoint": ENDPOINT,
}
CONF = """
[cluster-minio]
type = s3
provider = minio
env_auth = false
access_key_id = minioadmin
secret_access_key = minioadmin
endpoint = http://minio.minio-system.svc.cluster.local:9000
"""


def one(text: str, env: dict[str, str]) -> Remote:
    remotes = resolve(parse(text), env)
    assert len(remotes) == 1
    return remotes[0]


def renamed(remote: str) -> dict[str, str]:
    return {key.replace("_S3_", f"_{remote}_"): value for key, value in SEED.items()}


def test_rclone_variables_as_they_are_but_for_the_providers_case() -> None:
    remote = one("s3://sklearn/iris", SEED)

    assert remote.options == OPTIONS
    assert remote.keys == "RCLONE_CONFIG_S3_ACCESS_KEY_ID and RCLONE_CONFIG_S3_SECRET_ACCESS_KEY in the secret"
    assert remote.endpoint == ENDPOINT


def test_any_remote_that_the_secret_defines() -> None:
    assert one("mys3:sklearn/iris", renamed("MYS3")).options == OPTIONS


def test_rclone_variables_win_over_kfservings() -> None:
    env = {**SEED, "AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other", "AWS_ENDPOINT_URL": "http://other:1"}

    assert one("s3://sklearn/iris", env).options == OPTIONS


def test_kfserving_variables_are_read_for_s3_and_minio() -> None:
    env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": ENDPOINT}

    assert one("s3://sklearn/iris", env).options["endpoint"] == ENDPOINT
    assert one("minio://sklearn/iris", env).options["endpoint"] == ENDPOINT


def test_a_scheme_without_a_remote_of_its_own_uses_its_familys() -> None:
    assert one("minio://sklearn/iris", SEED).options == OPTIONS
    gcs = {"RCLONE_CONFIG_GCS_TYPE": "google cloud storage", "RCLONE_CONFIG_GCS_SERVICE_ACCOUNT_CREDENTIALS": "{...}"}
    assert one("gs://bucket/x", gcs).options["service_account_credentials"] == "{...}"


def test_the_type_may_be_left_out_where_the_scheme_says_it() -> None:
    """The seeds' list of variables for AWS does not name it."""
    env = {key: value for key, value in SEED.items() if not key.endswith("_TYPE")}

    assert one("s3://sklearn/iris", env).options == OPTIONS


def test_a_newline_at_a_values_end_is_dropped() -> None:
    assert one("s3://sklearn/iris", {key: f"{value}\n" for key, value in SEED.items()}).options == OPTIONS


def test_ambient_credentials_by_rclone_variables() -> None:
    env = {"RCLONE_CONFIG_S3_TYPE": "s3", "RCLONE_CONFIG_S3_PROVIDER": "aws", "RCLONE_CONFIG_S3_ENV_AUTH": "true"}

    remote = one("s3://sklearn/iris", env)

    assert remote.ambient
    assert remote.options["provider"] == "AWS"


def test_mounted_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "rclone.conf"
    file.write_text(CONF, encoding="utf-8")

    remote = one("cluster-minio:sklearn/iris", {"RCLONE_CONFIG": str(file)})

    assert remote.options == OPTIONS
    assert remote.keys == "access_key_id and secret_access_key in section [cluster-minio] of rclone.conf"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rclone.conf"
    file.write_text(CONF, encoding="utf-8")
    env = {"RCLONE_CONFIG": str(file), "RCLONE_CONFIG_CLUSTER-MINIO_REGION": "eu-west-1"}

    assert one("cluster-minio:sklearn/iris", env).options == OPTIONS | {"region": "eu-west-1"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not a configuration", "is not an rclone configuration"),
        ("# Encrypted rclone configuration File\nRCLONE_ENCRYPT_V0:\nabc=", "is encrypted"),
    ],
)
def test_unusable_configuration_file(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "rclone.conf"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(StorageError, match=reason) as raised:
        resolve(parse("s3://sklearn/iris"), {"RCLONE_CONFIG": str(file)})

    assert raised.value.code is ExitCode.CONFIG
    assert "abc" not in str(raised.value)


def test_configuration_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"RCLONE_CONFIG names .* which is not there"):
        resolve(parse("s3://sklearn/iris"), {"RCLONE_CONFIG": str(tmp_path / "none")})


def test_undefined_remote_names_it_the_defined_ones_and_the_keys() -> None:
    with pytest.raises(StorageError) as raised:
        resolve(parse("mys3:sklearn/iris"), SEED)

    assert raised.value.code is ExitCode.CONFIG
    assert 'remote "mys3" of modelUri mys3:sklearn/iris is not defined (defined: s3)' in str(raised.value)
    assert "RCLONE_CONFIG_MYS3_TYPE" in str(raised.value)
    assert "minioadmin" not in str(raised.value)


@pytest.mark.parametrize("key", ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"])
def test_empty_or_missing_key(key: str) -> None:
    name = f"RCLONE_CONFIG_S3_{key}"
    for env in ({**SEED, name: ""}, {k: v for k, v in SEED.items() if k != name}):
        with pytest.raises(StorageError, match=f"lacks credentials: {name} missing or empty in the secret") as raised:
            resolve(parse("s3://sklearn/iris"), env)
        assert raised.value.code is ExitCode.CONFIG


def test_a_remote_without_a_type() -> None:
    with pytest.raises(StorageError, match="RCLONE_CONFIG_MYS3_TYPE is missing or empty in the secret"):
        resolve(parse("mys3:a/b"), {"RCLONE_CONFIG_MYS3_PROVIDER": "Minio"})


@pytest.mark.parametrize("kind", ["local", "LOCAL", "alias", "union", "combine", "chunker", "crypt"])
def test_types_that_read_this_container_are_refused(kind: str) -> None:
    with pytest.raises(StorageError, match="is not allowed here"):
        resolve(parse("x:etc"), {"RCLONE_CONFIG_X_TYPE": kind})


@pytest.mark.parametrize("option", ["BEARER_TOKEN_COMMAND", "COMMAND", "SSH", "SDK_LOG_MODE"])
def test_options_that_run_programs_or_print_secrets_are_refused(option: str) -> None:
    with pytest.raises(StorageError, match=f"RCLONE_CONFIG_X_{option} in the secret is not allowed"):
        resolve(parse("x:b/c"), {"RCLONE_CONFIG_X_TYPE": "webdav", f"RCLONE_CONFIG_X_{option}": "id"})


def test_azure_address_takes_its_account_from_the_uri() -> None:
    env = {"RCLONE_CONFIG_AZUREBLOB_TYPE": "azureblob", "RCLONE_CONFIG_AZUREBLOB_KEY": "k"}

    assert one("https://account1.blob.core.windows.net/c/x", env).options["account"] == "account1"


def test_a_claim_needs_no_remote() -> None:
    assert resolve(parse("/mnt/pvc/iris"), SEED) == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [("minio", "Minio"), ("MINIO", "Minio"), ("aws", "AWS"), ("ceph", "Ceph"), ("gcs", "GCS"), ("nonsense", "Other")],
)
def test_providers_in_rclones_spelling(given: str, expected: str) -> None:
    assert fix_provider(given) == expected


def test_provider_of_an_endpoint() -> None:
    assert guess_provider("") == "AWS"
    assert guess_provider("https://s3.eu-west-1.amazonaws.com") == "AWS"
    assert guess_provider("https://evil-amazonaws.com") == "Other"
    assert guess_provider(ENDPOINT) == "Minio"


def test_secrets_are_known_as_such() -> None:
    remote = one("s3://sklearn/iris", {**SEED, "RCLONE_CONFIG_S3_SESSION_TOKEN": "token"})

    assert set(remote.secrets) == {"minioadmin", "token"}
    assert not remote.anonymous


def test_another_s3_remote_than_the_uris_is_named_with_the_uri_that_is_meant() -> None:
    """The likeliest mix-up of the tutorials, which use both `s3://` and `mys3:`."""
    secret = {"RCLONE_CONFIG_MYS3_TYPE": "s3", "RCLONE_CONFIG_MYS3_ACCESS_KEY_ID": "k"}

    with pytest.raises(StorageError, match="the secret defines mys3") as refused:
        resolve(parse("s3://sklearn/iris"), secret)

    assert refused.value.code is ExitCode.CONFIG
    assert "set modelUri to mys3:sklearn/iris" in str(refused.value)


def test_a_public_bucket_beside_credentials_of_another_kind_of_store_stays_public() -> None:
    azure = {"RCLONE_CONFIG_AZ_TYPE": "azureblob", "RCLONE_CONFIG_AZ_ACCOUNT": "a"}

    assert resolve(parse("s3://public/iris"), azure)
