import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.uri import parse
from tests.unit.storage.hostile_uris import HOSTILE, NO_STORE


@pytest.mark.parametrize(
    ("text", "remote", "path"),
    [
        ("s3://sklearn/iris", "s3", "sklearn/iris"),
        ("s3://sklearn/iris/", "s3", "sklearn/iris"),
        ("s3://mymodel", "s3", "mymodel"),
        ("s3://mymodel/", "s3", "mymodel"),
        ("s3:sklearn/iris", "s3", "sklearn/iris"),
        ("S3://sklearn/Iris", "s3", "sklearn/Iris"),
        ("s3://sklearn//iris", "s3", "sklearn/iris"),
        ("s3://sklearn/iris/model.joblib", "s3", "sklearn/iris/model.joblib"),
        ("gs://seldon-models/v1.17.0-dev/sklearn/iris", "gs", "seldon-models/v1.17.0-dev/sklearn/iris"),
        ("gcs://bucket/x", "gcs", "bucket/x"),
        ("az://container/x", "az", "container/x"),
        ("azureblob://$web/x", "azureblob", "$web/x"),
        ("minio://sklearn/iris", "minio", "sklearn/iris"),
        ("mys3:sklearn/iris", "mys3", "sklearn/iris"),
        ("mys3://sklearn/iris", "mys3", "sklearn/iris"),
        ("cluster-minio:sklearn/iris", "cluster-minio", "sklearn/iris"),
        ("s3://bucket/a b/ü/50%/x?y=1", "s3", "bucket/a b/ü/50%/x?y=1"),
        ("s3://bucket/...", "s3", "bucket/..."),
        ("s3://bucket/a:b", "s3", "bucket/a:b"),
        ("/mnt/pvc/models/iris", "", "/mnt/pvc/models/iris"),
        ("/mnt/pvc/", "", "/mnt/pvc"),
    ],
)
def test_allowed(text: str, remote: str, path: str) -> None:
    uri = parse(text)

    assert (uri.remote, uri.path) == (remote, path)


def test_azure_address_names_account_and_container() -> None:
    uri = parse("https://Account1.blob.core.windows.net/triton/models")

    assert (uri.remote, uri.account, uri.path) == ("azureblob", "account1", "triton/models")
    assert uri.origin == "https://account1.blob.core.windows.net"
    assert uri.with_path("triton/a b") == "https://account1.blob.core.windows.net/triton/a%20b"


@pytest.mark.parametrize(
    ("text", "origin", "path", "folder"),
    [
        ("https://example.org/models/iris/", "https://example.org", "models/iris", True),
        ("http://Web.models.svc:8080/iris", "http://web.models.svc:8080", "iris", False),
        ("https://example.org/a%20b/model.bin", "https://example.org", "a b/model.bin", False),
        ("https://example.org", "https://example.org", "", True),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443", "x", False),
        # Whose name only looks like Azure's is a web server: nothing of a secret goes there.
        (
            "https://account.blob.core.windows.net.evil.org/c/x",
            "https://account.blob.core.windows.net.evil.org",
            "c/x",
            False,
        ),
    ],
)
def test_web_addresses(text: str, origin: str, path: str, *, folder: bool) -> None:
    uri = parse(text)

    assert uri.is_web
    assert (uri.origin, uri.path, uri.folder, uri.account) == (origin, path, folder, "")


def test_the_clouds_that_are_apart() -> None:
    uri = parse("https://account1.blob.core.chinacloudapi.cn/c/x")

    assert (uri.remote, uri.account, uri.origin) == (
        "azureblob",
        "account1",
        "https://account1.blob.core.chinacloudapi.cn",
    )


@pytest.mark.parametrize("text", HOSTILE + NO_STORE)
def test_refused(text: str) -> None:
    with pytest.raises(StorageError) as refused:
        parse(text)

    assert refused.value.code is ExitCode.BAD_URI
    assert "\n" not in str(refused.value)
    assert "\0" not in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("s3,secret_access_key=hunter22:bucket", "hunter22"),
        ("s3://user:hunter22@bucket/x", "hunter22"),
        ("https://account.blob.core.windows.net/c?sv=1&sig=hunter22", "hunter22"),
    ],
)
def test_a_refusal_repeats_no_secret(text: str, secret: str) -> None:
    with pytest.raises(StorageError) as refused:
        parse(text)

    assert secret not in str(refused.value)


def test_a_claim_that_is_not_mounted_is_explained() -> None:
    with pytest.raises(StorageError, match="the controller mounts it and passes /mnt/pvc/<path>"):
        parse("pvc://claim/iris")


@given(st.text(max_size=60))
def test_whatever_passes_stays_below_its_store(text: str) -> None:
    """No input gives rclone a flag, an option or a parent folder."""
    try:
        uri = parse(text)
    except StorageError:
        return
    segments = uri.path.strip("/").split("/") if uri.path else []
    assert not {"", ".", ".."} & set(segments)
    assert (
        uri.path.startswith("/mnt/pvc")
        if not uri.remote
        else uri.remote.replace("-", "").replace(".", "").isidentifier()
    )


@given(st.from_regex(r"(s3|mys3|:local|--x|s3,a=b)(:|://)[a-z./,:'-]{0,20}", fullmatch=True))
def test_addresses_near_the_grammar_stay_below_their_store(text: str) -> None:
    try:
        uri = parse(text)
    except StorageError:
        return
    assert uri.remote in {"s3", "mys3"}
    assert not {"", ".", ".."} & set(uri.path.split("/"))
