import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.uri import parse


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


HOSTILE = [
    "",
    " ",
    "dummy value",
    "s3",
    "iris",
    "-s3://sklearn/iris",
    "--config=/etc/passwd",
    "--config",
    ":local:/etc/hostname",
    ":s3,env_auth=true:bucket/x",
    ":webdav,url='http://evil',vendor=other,bearer_token_command='id':",
    "s3,provider=AWS,secret_access_key=abc:sklearn/iris",
    "mys3,endpoint='http://evil':b/x",
    "'s3':b/x",
    '"s3":b/x',
    "s3{abc}:b/x",
    "my remote:b/x",
    "/etc/passwd",
    "/",
    "//mnt/pvc/x/../../etc",
    "/mnt/pvc/../../etc/passwd",
    "/mnt/pvcs/x",
    "/mnt/models",
    "./x",
    "../x",
    "~/x",
    "s3://sklearn/../other",
    "s3://sklearn/./iris",
    "s3://sklearn/iris/..",
    "s3://../x",
    "s3://",
    "s3:",
    "s3:///",
    "mys3:",
    "mys3:..",
    "s3://sklearn/iris\n--config=x",
    "s3://sklearn/iris\0",
    "s3://sklearn/iris ",
    "\ts3://sklearn/iris",
    "s3://user:password@bucket/x",
    "s3://user@bucket/x",
    "s3://minio:9000/sklearn/iris",
    "s3://-rf/x",
    "s3://b'ucket/x",
    "s3://b,ucket/x",
    "s3://.hidden/x",
    "http://169.254.169.254/latest/meta-data",
    "http://account.blob.core.windows.net/c/x",
    "https://example.org/model.tar.gz",
    "https://account.blob.core.windows.net.evil.org/c/x",
    "https://evil.org/account.blob.core.windows.net/x",
    "https://user:pw@account.blob.core.windows.net/c/x",
    "https://account.blob.core.windows.net",
    "https://account.blob.core.windows.net/c/../d",
    "https://account.blob.core.windows.net/c/x?sv=2020&sig=abcdef",
    "file:///etc/passwd",
    "local:/etc",
    "pvc://claim/x",
    "sftp://host/x",
    "hf://org/model",
    "oci://registry/model",
    f"s3://bucket/{'x' * 2048}",
]


@pytest.mark.parametrize("text", HOSTILE)
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
    segments = uri.path.strip("/").split("/")
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
