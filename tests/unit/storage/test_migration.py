"""Old credentials in rclone's terms: the initializer reads the new ones as it read the old ones."""

import dataclasses
import json

import pytest

from seldon_core.storage.credentials import resolve
from seldon_core.storage.migration import Conversion, Credentials, State, convert
from seldon_core.storage.uri import parse

MINIO = "http://minio.minio-system.svc.cluster.local:9000"
PAIR = {"AWS_ACCESS_KEY_ID": "an-access-key", "AWS_SECRET_ACCESS_KEY": "a-secret-key"}
SEED = {**PAIR, "AWS_ENDPOINT_URL": MINIO, "USE_SSL": "false"}
PRINCIPAL = {"AZ_TENANT_ID": "tenant", "AZ_CLIENT_ID": "client", "AZ_CLIENT_SECRET": "a-client-secret"}
GOOGLE = {"type": "service_account", "private_key": "-----BEGIN-----\nabc\n", "client_email": "a@b"}
IN_FILE = {"GOOGLE_APPLICATION_CREDENTIALS": "key.json"}
BLOB = "https://account.blob.core.windows.net/container/iris"


def env_of(found: Conversion) -> dict[str, str]:
    return {key.name: key.value for key in found.keys}


def test_a_password_that_equals_its_user_is_told_from_it() -> None:
    same = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin", "AWS_ENDPOINT_URL": MINIO}
    found = {
        key.name.removeprefix("RCLONE_CONFIG_S3_"): key.source for key in convert("s3://a/b", Credentials(same)).keys
    }

    assert {name: source for name, source in found.items() if source} == {
        "ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
    }


def test_the_seeds_secret() -> None:
    found = convert("s3://sklearn/iris", Credentials(SEED))

    assert found.state is State.MIGRATE
    assert env_of(found) == {
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Minio",
        "RCLONE_CONFIG_S3_ENV_AUTH": "false",
        "RCLONE_CONFIG_S3_ENDPOINT": MINIO,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "an-access-key",
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": "a-secret-key",
    }


@pytest.mark.parametrize(
    ("uri", "env"),
    [
        ("s3://sklearn/iris", SEED),
        ("minio://sklearn/iris", SEED),
        ("s3://bucket/iris", PAIR),  # AWS itself: the seeds' script wanted an endpoint
        ("s3://bucket/iris", {**PAIR, "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "a-session-token"}),
        ("s3://bucket/iris", {**PAIR, "AWS_ENDPOINT_URL": "https://ceph.corp", "S3_VERIFY_SSL": "0"}),
        ("s3://bucket/iris", {**PAIR, "AWS_ENDPOINT_URL": "https://ceph.corp", "AWS_CA_BUNDLE": "/etc/ca.pem"}),
        ("s3://bucket/iris", {**PAIR, "S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"}),
        ("s3://bucket/iris", {**PAIR, "S3_ENDPOINT": "s3.eu-central-1.amazonaws.com"}),
        ("s3://bucket/iris", {"AWS_ENDPOINT_URL": MINIO, "awsAnonymousCredential": "True"}),
        ("s3://bucket/iris", {name: f"{value}\n" for name, value in SEED.items()}),
        (BLOB, PRINCIPAL),
        (BLOB, {"AZURE_STORAGE_ACCESS_KEY": "an-account-key"}),
        (BLOB, {"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=a-signature"}),
        (BLOB, {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=account;AccountKey=an-account-key"}),
        (BLOB.replace("windows.net", "usgovcloudapi.net"), PRINCIPAL),
        ("az://container/iris", {**PRINCIPAL, "AZURE_STORAGE_ACCOUNT": "account"}),
    ],
)
def test_the_new_keys_alone_mean_the_same_to_the_initializer(uri: str, env: dict[str, str]) -> None:
    new = env_of(convert(uri, Credentials(env)))
    nothing = {"RCLONE_CONFIG": "/dev/null"}
    (before,), (after,) = resolve(parse(uri), env | nothing), resolve(parse(uri), new | nothing)

    assert after.options == before.options
    assert before.flags.items() <= new.items()
    assert convert(uri, Credentials(env | new)).state is State.DONE


def test_a_google_key_comes_out_of_its_file() -> None:
    env = {"GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/key.json"}
    found = convert("gs://bucket/iris", Credentials(env, json.dumps(GOOGLE, indent=2), IN_FILE))
    new = env_of(found)

    assert {key.source for key in found.keys} == {"", "key.json"}
    assert json.loads(new.pop("RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS")) == GOOGLE
    # Images of the rclone initializer bring an anonymous "gs" along.
    assert new == {"RCLONE_CONFIG_GS_TYPE": "google cloud storage", "RCLONE_CONFIG_GS_ANONYMOUS": "false"}


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("", "names a file that is in no secret of the model's service account"),
        ("not json", "the key key.json of the secret is no JSON key of a Google service account"),
        ('{"type": "authorized_user"}', "the key key.json of the secret is no JSON key"),
    ],
)
def test_a_google_key_that_cannot_be_used(key: str, sentence: str) -> None:
    env = {"GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/key.json"}
    found = convert("gs://bucket/iris", Credentials(env, key, IN_FILE))

    assert found.state is State.HAND
    assert sentence in found.reason


def test_the_account_of_an_azure_address_stays_in_the_address() -> None:
    # Another model in another account may use the same secret.
    assert "RCLONE_CONFIG_AZUREBLOB_ACCOUNT" not in env_of(convert(BLOB, Credentials(PRINCIPAL)))


@pytest.mark.parametrize(
    ("uri", "env", "state", "words"),
    [
        ("pvc://claim/iris", {}, State.NOTHING, "a claim"),
        ("gs://public/iris", {}, State.NOTHING, "no credentials"),
        ("s3://public/iris", {"AWS_REGION": "eu-west-1"}, State.NOTHING, "no credentials"),
        ("https://models.corp/iris/model.bin", {}, State.NOTHING, "a web server"),
        ("https://models.corp/iris.tar.gz", {}, State.HAND, "rclone unpacks no archives"),
        ("https://models.corp/m", {"models.corp-headers": "{}"}, State.HAND, "models.corp-headers"),
        ("file:///models/iris", {}, State.HAND, 'has the scheme "file"'),
        ("s3://sklearn/iris", {"AWS_ACCESS_KEY_ID": "id"}, State.HAND, "AWS_SECRET_ACCESS_KEY is missing or empty"),
        ("s3://sklearn/iris", {**PAIR, "AWS_SECRET_ACCESS_KEY": ""}, State.HAND, "AWS_SECRET_ACCESS_KEY is missing"),
        (BLOB, {**PRINCIPAL, "AZ_CLIENT_SECRET": " "}, State.HAND, "AZ_CLIENT_SECRET missing or empty"),
        ("mys3:sklearn/iris", SEED, State.HAND, 'remote "mys3"'),
    ],
)
def test_what_needs_nothing_and_what_needs_a_hand(uri: str, env: dict[str, str], state: State, words: str) -> None:
    found = convert(uri, Credentials(env))

    assert (found.state, found.keys) == (state, ())
    assert words in found.reason


def test_a_secret_that_somebody_made_for_rclone_is_left_alone() -> None:
    own = {"RCLONE_CONFIG_S3_TYPE": "s3", "RCLONE_CONFIG_S3_PROVIDER": "minio", "RCLONE_CONFIG_S3_ENDPOINT": MINIO}
    found = convert("s3://sklearn/iris", Credentials({**SEED, **own}))

    assert (found.state, found.keys) == (State.DONE, ())
    half = convert("s3://sklearn/iris", Credentials({**SEED, **own, "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "id"}))
    assert half.state is State.HAND
    assert "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY" in half.reason


def test_keys_of_an_earlier_migration_follow_the_old_ones() -> None:
    new = env_of(convert("s3://sklearn/iris", Credentials(SEED)))
    rotated = Credentials({**SEED, **new, "AWS_SECRET_ACCESS_KEY": "another-secret"})

    found = convert("s3://sklearn/iris", rotated, ours=new)
    assert found.state is State.MIGRATE
    assert env_of(found)["RCLONE_CONFIG_S3_SECRET_ACCESS_KEY"] == "another-secret"
    assert convert("s3://sklearn/iris", rotated).state is State.DONE


def test_values_of_secrets_are_never_shown() -> None:
    credentials = Credentials({**SEED, "AWS_ENDPOINT_URL": "http://user:a-password@minio:9000"})
    found = convert("s3://sklearn/iris", credentials)
    shown = repr(credentials) + repr(found) + repr([(k.name, k.shown, k.source) for k in found.keys])

    for secret in ("an-access-key", "a-secret-key", "a-password"):
        assert secret not in shown
    assert {key.source for key in found.keys} == {"", *PAIR}
    assert dataclasses.asdict(found)["state"] is State.MIGRATE


@pytest.mark.parametrize(
    "env",
    [
        {"AZURE_STORAGE_ACCESS_KEY": "hush-hush"},
        {"AZURE_STORAGE_SAS_TOKEN": "sig=hush-hush"},
        {"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=hush-hush"},
        {**PRINCIPAL, "AZ_CLIENT_SECRET": "hush-hush"},
    ],
)
def test_credentials_of_azure_are_not_shown_either(env: dict[str, str]) -> None:
    found = convert(BLOB, Credentials(env))

    assert "hush-hush" in str([key.value for key in found.keys])
    assert "hush-hush" not in str([(key.name, key.shown, key.source) for key in found.keys])
