"""Azure's own variables and kfserving's, and what `https://ACCOUNT...` adds to rclone's."""

import pytest

from seldon_core.storage.credentials import resolve
from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.remote import Remote
from seldon_core.storage.uri import parse

HTTPS = "https://account1.blob.core.windows.net/models/iris"
AT_HOME = {"type": "azureblob", "account": "account1"}


def only(text: str, env: dict[str, str]) -> Remote:
    (remote,) = resolve(parse(text), env)
    return remote


def test_service_principal() -> None:
    principal = {"AZ_TENANT_ID": "t", "AZ_CLIENT_ID": "c", "AZ_CLIENT_SECRET": "s", "AZ_SUBSCRIPTION_ID": "x"}

    assert only(HTTPS, principal).options == AT_HOME | {"tenant": "t", "client_id": "c", "client_secret": "s"}


def test_key() -> None:
    remote = only("az://models/iris", {"AZURE_STORAGE_ACCOUNT": "account1", "AZURE_STORAGE_ACCESS_KEY": "k"})

    assert remote.options == AT_HOME | {"key": "k"}


@pytest.mark.parametrize("token", ["sv=2024&sig=s3cret", "?sv=2024&sig=s3cret\n"])
def test_sas_token(token: str) -> None:
    remote = only(HTTPS, {"AZURE_STORAGE_SAS_TOKEN": token})

    url = "https://account1.blob.core.windows.net/models?sv=2024&sig=s3cret"
    assert remote.options == {"type": "azureblob", "sas_url": url}
    assert remote.secrets == (url,)
    assert not remote.anonymous


def test_sas_url_of_rclone_is_left_alone() -> None:
    url = "https://account1.blob.core.windows.net/models?sig=x"

    assert only(HTTPS, {"RCLONE_CONFIG_AZUREBLOB_SAS_URL": url}).options == {"type": "azureblob", "sas_url": url}


def test_connection_string() -> None:
    remote = only("az://models/iris", {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=k"})

    assert remote.options == {"type": "azureblob", "connection_string": "AccountName=a;AccountKey=k"}
    assert "AccountName=a;AccountKey=k" in remote.secrets


def test_account_of_the_uri_completes_rclones_options() -> None:
    assert only(HTTPS, {"RCLONE_CONFIG_AZ_KEY": "k"}).options == AT_HOME | {"key": "k"}
    china = only("https://account1.blob.core.chinacloudapi.cn/models/iris", {"RCLONE_CONFIG_AZ_KEY": "k"})
    assert china.options["endpoint"] == "https://account1.blob.core.chinacloudapi.cn"


def test_endpoint_of_ones_own() -> None:
    env = {"AZURE_STORAGE_BLOB_ENDPOINT": "http://azurite:10000/account1/", "AZURE_STORAGE_KEY": "k"}

    assert only(HTTPS, env).options == AT_HOME | {"key": "k", "endpoint": "http://azurite:10000/account1"}


def test_identity_and_public_access() -> None:
    assert only(HTTPS, {"AZURE_FEDERATED_TOKEN_FILE": "/t"}).ambient
    public, identity = resolve(parse(HTTPS), {})
    assert public.anonymous
    assert identity.ambient


def test_workload_identity_as_rclone_names_it() -> None:
    remote = only(HTTPS, {"RCLONE_CONFIG_AZUREBLOB_ENV_AUTH": "true"})

    assert remote.ambient
    assert remote.options == AT_HOME | {"env_auth": "true"}


def test_without_an_account() -> None:
    with pytest.raises(StorageError, match="set RCLONE_CONFIG_AZ_ACCOUNT or AZURE_STORAGE_ACCOUNT in the secret") as no:
        resolve(parse("az://models/iris"), {})
    assert no.value.code is ExitCode.CONFIG
