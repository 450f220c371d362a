"""Which hosts a web address may name."""

import pytest

from seldon_core.storage.credentials import resolve
from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.uri import parse
from tests.unit.storage.hostile_uris import INNER_HOSTS

CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
SECRET = {"RCLONE_CONFIG_HTTPS_HEADERS": "Authorization,hunter22", "AWS_SECRET_ACCESS_KEY": "hunter22"}


def test_a_web_server_gets_nothing_of_the_secret() -> None:
    (remote,) = resolve(parse("https://192.0.2.1:8443/models/iris/"), SECRET | CLUSTER)

    assert remote.options == {"type": "http", "url": "https://192.0.2.1:8443/"}
    assert remote.anonymous


@pytest.mark.parametrize("text", INNER_HOSTS)
def test_addresses_inside_of_the_cluster_are_refused(text: str) -> None:
    with pytest.raises(StorageError, match="is an address inside of the node") as refused:
        resolve(parse(text), CLUSTER)

    assert refused.value.code is ExitCode.BAD_URI


def test_the_secret_may_name_the_hosts() -> None:
    env = {"SELDON_STORAGE_HTTP_HOSTS": "127.0.0.1, models.example.org"}

    assert resolve(parse("http://127.0.0.1:8080/x/"), env)
    with pytest.raises(StorageError, match="is not one of the hosts of SELDON_STORAGE_HTTP_HOSTS"):
        resolve(parse("http://192.0.2.1/x/"), env)


def test_a_server_with_credentials_is_a_remote_of_its_own() -> None:
    env = {
        "RCLONE_CONFIG_WEB_TYPE": "http",
        "RCLONE_CONFIG_WEB_URL": "https://models.example.org/",
        "RCLONE_CONFIG_WEB_HEADERS": "Authorization,Bearer hunter22",
    }

    (remote,) = resolve(parse("web:iris/"), env)

    assert remote.is_web
    assert remote.secrets == ("Authorization,Bearer hunter22",)
