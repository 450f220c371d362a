"""Turn what rclone says into a cause and a hint.

rclone's exit status tells too little (1 for most), so its messages are read. The fragments below were seen with rclone
1.75.1 against MinIO, or are the clouds' documented error codes.
"""

import dataclasses
import re
import signal
from collections.abc import Callable

from seldon_core import __version__

from .credentials import expected_keys
from .errors import ExitCode, StorageError
from .rclone import Result
from .redact import one_line, redact
from .remote import Remote
from .uri import ModelUri

_AUTH = (
    "AccessDenied",
    "InvalidAccessKeyId",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "InvalidSecurity",
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "NoAuthenticationInformation",
    "PublicAccessNotPermitted",
    "invalid_grant",
    "invalid_client",
    "StatusCode: 401",
    "StatusCode: 403",
    "HTTP Error: 401",
    "HTTP Error: 403",
    "Error 401",
    "Error 403",
    "RESPONSE 401",
    "RESPONSE 403",
    "failed to refresh cached credentials",
    "no EC2 IMDS role found",
    "could not find default credentials",
    "DefaultAzureCredential",
    "EnvironmentCredential",
)
_WHY_DENIED = (
    ("InvalidAccessKeyId", "the access key id is unknown to the store"),
    ("SignatureDoesNotMatch", "the secret access key does not belong to the access key id"),
    ("ExpiredToken", "the session token has expired"),
    ("RequestTimeTooSkewed", "the node's clock is wrong"),
)
_NETWORK = (
    (r"no such host|server misbehaving", "its host name does not resolve", "correct the host in {endpoint_key}"),
    (r"connection refused", "it refuses connections", "check the port in {endpoint_key} and that the store runs"),
    (
        r"server gave HTTP response to HTTPS client",
        "it speaks http, not https",
        "write http:// in {endpoint_key} (or S3_USE_HTTPS=0 for a service account's secret)",
    ),
    (
        r"malformed HTTP response|Client sent an HTTP request to an HTTPS server",
        "it speaks https, not http",
        "write https:// in {endpoint_key}",
    ),
    (
        r"x509|certificate|tls: ",
        "its TLS certificate is not trusted",
        "mount its CA and set AWS_CA_BUNDLE or RCLONE_CA_CERT to the file, or for tests S3_VERIFY_SSL=0",
    ),
    (
        r"i/o timeout|deadline exceeded|Client\.Timeout|TLS handshake timeout",
        "it does not answer in time",
        "check {endpoint_key}, network policies and that the store runs",
    ),
    (
        r"no route to host|network is unreachable",
        "there is no route to it",
        "check {endpoint_key} and network policies",
    ),
    (r"connection reset|broken pipe|EOF", "it cuts connections", "check the store and proxies before it"),
    (
        r"(StatusCode|HTTP Error): (5\d\d|429)|SlowDown|(Error|RESPONSE) 5\d\d",
        "it reports an error of its own",
        "check the store",
    ),
    (
        r"StatusCode: 30\d|PermanentRedirect|stopped after \d+ redirects",
        "it redirects",
        "correct {endpoint_key} and the region",
    ),
    (
        r"request send failed|dial tcp|StatusCode: 0",
        "it cannot be reached",
        "check {endpoint_key} and network policies",
    ),
)


def place(uri: ModelUri, remote: Remote | None) -> str:
    """Return the URI with its endpoint, as messages show it."""
    endpoint = remote.endpoint if remote and not uri.is_web else ""
    return f"{uri.text} (endpoint {endpoint})" if endpoint else uri.text


def explain(uri: ModelUri, remote: Remote | None, result: Result, seconds: float) -> StorageError:
    """Return the error that a failed run of rclone means. `seconds` is the total deadline, for its message."""
    run = _Run(uri, remote, result, seconds)
    error = next((error for rule in _RULES if (error := rule(run))), None)
    if error:
        return error
    last = result.messages[-1] if result.messages else f"rclone ended with status {result.status}"
    return StorageError(ExitCode.FAILED, f"{run.where} could not be read", run.safe(last))


@dataclasses.dataclass(frozen=True)
class _Run:
    """A failed run with what it was about."""

    uri: ModelUri
    remote: Remote | None
    result: Result
    seconds: float

    @property
    def text(self) -> str:
        return "\n".join(self.result.messages)

    @property
    def where(self) -> str:
        return place(self.uri, self.remote)

    def safe(self, text: str) -> str:
        return one_line(redact(text, self.remote.secrets if self.remote else ()))


def _ended(run: _Run) -> StorageError | None:
    if run.result.expired:
        return StorageError(
            ExitCode.NETWORK,
            f"{run.where} was not done within {run.seconds:g} s",
            "raise SELDON_STORAGE_DEADLINE or check the store's speed",
        )
    if run.result.silent:
        hint = "check the endpoint, network policies and that the store runs"
        return _unreachable(run, "it does not answer in time", hint)
    return None


def _disk_full(run: _Run) -> StorageError | None:
    if not re.search(r"no space left on device|disk quota exceeded", run.text):
        return None
    return StorageError(
        ExitCode.DISK_FULL, f"the disk ran full while copying {run.where}", "give the volume more space"
    )


def _digest(run: _Run) -> StorageError | None:
    message = next(
        (m for m in run.result.messages if re.search(r"corrupted on transfer|(hashes|sizes|contents) differ", m)), ""
    )
    if not message:
        return None
    # rclone names the unfinished copy, "model.joblib.eb7b54df.partial".
    name = one_line(re.sub(r"\.[0-9a-f]{8}\.partial$", "", message.partition(":")[0]), 120)
    return StorageError(
        ExitCode.DIGEST,
        f"{name} of {run.where} arrived with another content than the store's",
        "check the store and what lies before it, or upload the file again",
    )


def _killed(run: _Run) -> StorageError | None:
    if run.result.status != -signal.SIGKILL:
        return None
    return StorageError(
        ExitCode.FAILED,
        f"rclone was killed while it read {run.where}, most likely for want of memory",
        "raise storageInitializer.memoryLimit",
    )


def _backend(run: _Run) -> StorageError | None:
    match = re.search(r'didn\'t find backend called "([^"]*)"', run.text)
    if not match:
        return None
    return StorageError(
        ExitCode.CONFIG,
        f'this image has no rclone backend "{one_line(match.group(1), 40)}"',
        "it holds s3, google cloud storage, azureblob, swift and http; set storageInitializerImage to the image "
        f"rclone-storage-initializer-full:{__version__}, which holds all of rclone's",
    )


def _denied(run: _Run) -> StorageError | None:
    remote = run.remote
    if not remote or not any(fragment in run.text for fragment in _AUTH):
        return None
    denied = f"access to {run.where} was denied"
    if remote.anonymous:
        return StorageError(
            ExitCode.AUTH,
            f"{denied} and no credentials were given",
            f"set envSecretRefName to a secret with {expected_keys(run.uri)}",
        )
    if remote.ambient:
        return StorageError(
            ExitCode.AUTH,
            f"{denied}: {remote.keys} may not read it or is not there",
            f"grant the role, or give keys: {expected_keys(run.uri)}",
        )
    why = next((reason for fragment, reason in _WHY_DENIED if fragment in run.text), "the store refuses these keys")
    return StorageError(ExitCode.AUTH, f"{denied}: {why}", f"correct {remote.keys}")


def _config(run: _Run) -> StorageError | None:
    if match := re.search(r"the region '([^']*)' is wrong; expecting '([^']*)'", run.text):
        return StorageError(
            ExitCode.CONFIG,
            f'the bucket of {run.where} lies in region {match.group(2)}, not "{match.group(1)}"',
            "set AWS_REGION or RCLONE_CONFIG_<REMOTE>_REGION",
        )
    if match := re.search(r"Failed to create file system for [^\n]*\": ([^\n]*)", run.text):
        keys = run.remote.keys if run.remote else ""
        return StorageError(
            ExitCode.CONFIG,
            f"the credentials for {run.where} do not make a remote: {run.safe(match.group(1))}",
            f"correct {keys or 'them'}",
        )
    return None


def _network(run: _Run) -> StorageError | None:
    if not run.remote:
        return None
    key = _endpoint_key(run.uri, run.remote)
    for pattern, cause, hint in _NETWORK:
        if re.search(pattern, run.text):
            return _unreachable(run, cause, hint.format(endpoint_key=key))
    return None


def _endpoint_key(uri: ModelUri, remote: Remote) -> str:
    """Name what a user corrects where the endpoint is wrong."""
    if uri.is_web:
        return "modelUri"
    if "RCLONE_CONFIG_" in remote.keys:
        return f"RCLONE_CONFIG_{remote.name.upper()}_{'URL' if remote.is_web else 'ENDPOINT'}"
    return "the endpoint"


def _unreachable(run: _Run, cause: str, hint: str) -> StorageError:
    if run.remote and not run.uri.is_web and not run.remote.keys and not run.remote.endpoint:
        # Nothing was configured, so the cloud's public address was asked: most likely the secret is what is missing.
        return StorageError(
            ExitCode.CONFIG,
            f"no credentials and no endpoint were given for {run.where}, and the cloud's public address: {cause}",
            f"set envSecretRefName to a secret with {expected_keys(run.uri)}",
        )
    return StorageError(ExitCode.NETWORK, f"the store of {run.where} cannot be used: {cause}", hint)


# In order: what ended us, what happened here, what the store said, what lies between.
_RULES: tuple[Callable[[_Run], StorageError | None], ...] = (
    _ended,
    _killed,
    _disk_full,
    _digest,
    _backend,
    _denied,
    _config,
    _network,
)
