"""What people read for what rclone says. The messages were recorded from rclone 1.75.1 against MinIO."""

import pytest

from seldon_core.storage.credentials import resolve
from seldon_core.storage.errors import ExitCode
from seldon_core.storage.failures import explain
from seldon_core.storage.rclone import Result
from seldon_core.storage.uri import parse

URI = parse("s3://sklearn/iris")
SECRET = "correct-horse-battery"
RCLONE_ENV = {
    "RCLONE_CONFIG_S3_TYPE": "s3",
    "RCLONE_CONFIG_S3_PROVIDER": "Minio",
    "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "key-of-ours",
    "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": SECRET,
    "RCLONE_CONFIG_S3_ENDPOINT": "http://minio:9000",
}
KFSERVING_ENV = {
    "AWS_ACCESS_KEY_ID": "key-of-ours",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ENDPOINT_URL": "http://minio:9000",
}
S3 = "operation error S3: ListObjectsV2, https response error StatusCode:"
SENT = f'{S3} 0, RequestID: , HostID: , request send failed, Get "http://minio:9000/sklearn?list-type=2": '
API = f"error in ListJSON: {S3} {{}}, RequestID: 1, HostID: 2, api error {{}}"

CASES = [
    (
        API.format(403, "SignatureDoesNotMatch: The request signature we calculated does not match"),
        ExitCode.AUTH,
        (
            "access to s3://sklearn/iris (endpoint http://minio:9000) was denied: "
            "the secret access key does not belong to the access key id: "
            "correct RCLONE_CONFIG_S3_ACCESS_KEY_ID and RCLONE_CONFIG_S3_SECRET_ACCESS_KEY in the secret"
        ),
    ),
    (
        API.format(403, "InvalidAccessKeyId: The Access Key Id you provided does not exist in our records."),
        ExitCode.AUTH,
        "the access key id is unknown to the store",
    ),
    (API.format(403, "AccessDenied: Access Denied."), ExitCode.AUTH, "the store refuses these keys"),
    (API.format(400, "ExpiredToken: The provided token has expired."), ExitCode.AUTH, "the session token has expired"),
    (API.format(403, "RequestTimeTooSkewed: too large"), ExitCode.AUTH, "the node's clock is wrong"),
    (
        f"{SENT}dial tcp 10.0.0.1:9000: connect: connection refused",
        ExitCode.NETWORK,
        (
            "the store of s3://sklearn/iris (endpoint http://minio:9000) cannot be used: it refuses connections: "
            "check the port in RCLONE_CONFIG_S3_ENDPOINT and that the store runs"
        ),
    ),
    (
        f"{SENT}dial tcp: lookup minio on 10.96.0.10:53: no such host",
        ExitCode.NETWORK,
        "its host name does not resolve: correct the host in RCLONE_CONFIG_S3_ENDPOINT",
    ),
    (f"{SENT}dial tcp 10.0.0.1:9000: i/o timeout", ExitCode.NETWORK, "it does not answer in time"),
    (
        f"{SENT}http: server gave HTTP response to HTTPS client",
        ExitCode.NETWORK,
        "it speaks http, not https: write http://",
    ),
    (
        f'{SENT}net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"',
        ExitCode.NETWORK,
        "it speaks https",
    ),
    (
        f"{SENT}tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ExitCode.NETWORK,
        "AWS_CA_BUNDLE",
    ),
    (f"{SENT}read: connection reset by peer", ExitCode.NETWORK, "it cuts connections"),
    (API.format(503, "SlowDown: Please reduce your request rate"), ExitCode.NETWORK, "it reports an error of its own"),
    (API.format(301, "PermanentRedirect: use another endpoint"), ExitCode.NETWORK, "it redirects"),
    (
        API.format(400, "AuthorizationHeaderMalformed: the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
        ExitCode.CONFIG,
        'lies in region eu-west-1, not "us-east-1"',
    ),
    ("write /mnt/models/x: no space left on device", ExitCode.DISK_FULL, "the disk ran full"),
    (
        "model.joblib.eb7b54df.partial: corrupted on transfer: md5 hashes differ src 1 vs dst 2",
        ExitCode.DIGEST,
        "model.joblib of s3://sklearn/iris",
    ),
    (
        'Failed to create file system for "model:sklearn/iris/": didn\'t find backend called "sftp"',
        ExitCode.CONFIG,
        'this image has no rclone backend "sftp"',
    ),
    (
        'Failed to create file system for "model:sklearn/iris/": failed to parse endpoint: bad',
        ExitCode.CONFIG,
        "do not make a remote: failed to parse endpoint: bad",
    ),
    ("something new", ExitCode.FAILED, "could not be read: something new"),
]


@pytest.mark.parametrize(("message", "code", "text"), CASES)
def test_messages(message: str, code: ExitCode, text: str) -> None:
    (remote,) = resolve(URI, RCLONE_ENV)

    error = explain(URI, remote, Result(1, (message,)), 3600)

    assert error.code is code
    assert text in str(error)


@pytest.mark.parametrize(("message", "code"), [case[:2] for case in CASES])
@pytest.mark.parametrize("env", [RCLONE_ENV, KFSERVING_ENV])
def test_no_message_repeats_a_secret(message: str, code: ExitCode, env: dict[str, str]) -> None:
    (remote,) = resolve(URI, env)

    error = explain(URI, remote, Result(1, (f"{message} {SECRET} sig={SECRET[:5]}",)), 3600)

    assert SECRET not in str(error)
    assert error.code is code


def test_the_hint_names_the_keys_that_were_read() -> None:
    (remote,) = resolve(URI, KFSERVING_ENV)

    error = explain(URI, remote, Result(1, (API.format(403, "SignatureDoesNotMatch: x"),)), 3600)

    assert error.hint == "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def test_denied_without_credentials_names_both_styles() -> None:
    (remote,) = resolve(URI, {"AWS_ENDPOINT_URL": "http://minio:9000"})

    error = explain(URI, remote, Result(1, (API.format(403, "AccessDenied: Access Denied."),)), 3600)

    assert error.code is ExitCode.AUTH
    assert "no credentials were given" in error.cause
    assert "RCLONE_CONFIG_S3_TYPE" in error.hint
    assert "AWS_ACCESS_KEY_ID" in error.hint


def test_nothing_configured_and_no_cloud_in_reach_is_a_matter_of_configuration() -> None:
    remote, _ = resolve(URI, {})

    error = explain(URI, remote, Result(1, (f"{SENT}dial tcp: lookup s3.amazonaws.com: no such host",)), 3600)

    assert error.code is ExitCode.CONFIG
    assert "no credentials and no endpoint were given" in error.cause


def test_a_pods_identity_that_is_denied() -> None:
    (remote,) = resolve(URI, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"})

    error = explain(URI, remote, Result(1, ("failed to refresh cached credentials, no EC2 IMDS role found",)), 3600)

    assert error.code is ExitCode.AUTH
    assert "the pod's AWS identity" in error.cause


def test_ended_runs() -> None:
    (remote,) = resolve(URI, RCLONE_ENV)

    killed = explain(URI, remote, Result(-9), 5)
    assert killed.code is ExitCode.FAILED
    assert "raise storageInitializer.memoryLimit" in killed.hint
    assert "not done within 5 s: raise SELDON_STORAGE_DEADLINE" in str(
        explain(URI, remote, Result(-9, (), expired=True), 5)
    )
    assert "does not answer in time" in str(explain(URI, remote, Result(-9, (), silent=True), 5))
