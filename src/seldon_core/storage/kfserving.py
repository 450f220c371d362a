"""The environment of kfserving's initializer, read as an rclone remote.

Secrets that were written for kfserving's storage initializer, and the variables that the controller makes of a service
account's secret, keep working without an edit. Sources: kfserving 0.6.1 `storage.py` (AWS_ENDPOINT_URL,
awsAnonymousCredential, AZ_*, GOOGLE_APPLICATION_CREDENTIALS) and specification 1.4 (S3_ENDPOINT, S3_USE_HTTPS,
AWS_REGION, S3_VERIFY_SSL).
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .errors import ExitCode, StorageError
from .remote import AZURE, GCS, S3, Remote, guess_provider

S3_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_FALSE = frozenset({"0", "false", "no", "off", "f", "n"})
_TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})
# What the AWS SDK reads where a pod has an identity of its own (IRSA, EKS pod identity, ECS).
_AWS_IDENTITY = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)


def s3_remotes(name: str, env: Mapping[str, str]) -> tuple[Remote, ...]:
    """Return the ways to try, in order, for an S3 address without rclone options.

    With keys: those. With the pod's own identity: that. With nothing: anonymous first (public buckets are common and
    the answer is quick), then whatever the AWS SDK finds.
    """
    endpoint = _endpoint(env)
    provider = guess_provider(endpoint)
    options = {"type": S3, "provider": provider, "env_auth": "false"}
    region = _first(env, "AWS_REGION", "AWS_DEFAULT_REGION", "S3_REGION")
    if provider == "AWS":
        region = region or _region_of(endpoint)
        if urlsplit(endpoint).hostname == "s3.amazonaws.com":
            endpoint = ""
    if region:
        options["region"] = region
    if endpoint:
        options["endpoint"] = endpoint
    flags = _tls_flags(env)
    key, secret = (
        _first(env, "AWS_ACCESS_KEY_ID", "awsAccessKeyID"),
        _first(env, "AWS_SECRET_ACCESS_KEY", "awsSecretAccessKey"),
    )
    if _is(env, "awsAnonymousCredential", _TRUE):
        return (Remote(name, options, "awsAnonymousCredential", flags),)
    if bool(key) != bool(secret):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        given, missing = names if key else reversed(names)
        raise StorageError(
            ExitCode.CONFIG, f"{missing} is missing or empty while {given} is set", "complete the secret"
        )
    if key:
        options |= {"access_key_id": key, "secret_access_key": secret}
        if token := _first(env, "AWS_SESSION_TOKEN"):
            options["session_token"] = token
        return (Remote(name, options, S3_KEYS, flags),)
    identity = Remote(name, {**options, "env_auth": "true"}, "the pod's AWS identity", flags)
    if any(env.get(variable) for variable in _AWS_IDENTITY):
        return (identity,)
    nobody = Remote(name, options, "", flags)
    return (nobody,) if endpoint else (nobody, identity)


def gcs_remotes(name: str, env: Mapping[str, str]) -> tuple[Remote, ...]:
    """Return the ways to try for a Google Cloud Storage address without rclone options."""
    options = {"type": GCS}
    if path := _first(env, "GOOGLE_APPLICATION_CREDENTIALS"):
        return (Remote(name, {**options, "service_account_file": path}, "GOOGLE_APPLICATION_CREDENTIALS"),)
    return (
        Remote(name, {**options, "anonymous": "true"}, ""),
        Remote(name, {**options, "env_auth": "true"}, "the pod's Google identity"),
    )


def azure_remotes(name: str, env: Mapping[str, str], account: str) -> tuple[Remote, ...]:
    """Return the ways to try for an Azure container without rclone options. `account` is the one in the URI, if any.

    Raises StorageError(CONFIG) when no account is named anywhere.
    """
    account = account or _first(env, "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        raise StorageError(
            ExitCode.CONFIG,
            "no Azure storage account is named",
            f"set RCLONE_CONFIG_{name.upper()}_ACCOUNT or AZURE_STORAGE_ACCOUNT in the secret, "
            "or write https://ACCOUNT.blob.core.windows.net/container/folder",
        )
    options = {"type": AZURE, "account": account}
    if key := _first(env, "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"):
        return (Remote(name, {**options, "key": key}, "AZURE_STORAGE_ACCESS_KEY"),)
    principal = {
        "tenant": _first(env, "AZ_TENANT_ID"),
        "client_id": _first(env, "AZ_CLIENT_ID"),
        "client_secret": _first(env, "AZ_CLIENT_SECRET"),
    }
    if all(principal.values()):
        return (Remote(name, options | principal, "AZ_TENANT_ID, AZ_CLIENT_ID and AZ_CLIENT_SECRET"),)
    identity = Remote(name, {**options, "env_auth": "true"}, "the pod's Azure identity")
    if env.get("AZURE_FEDERATED_TOKEN_FILE"):
        return (identity,)
    return (Remote(name, options, ""), identity)


def _endpoint(env: Mapping[str, str]) -> str:
    endpoint = _first(env, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT").rstrip("/")
    if not endpoint or "://" in endpoint:
        return endpoint
    plain = _is(env, "S3_USE_HTTPS", _FALSE) or _is(env, "USE_SSL", _FALSE)
    return f"{'http' if plain else 'https'}://{endpoint}"


def _region_of(endpoint: str) -> str:
    match = re.search(r"s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com", endpoint)
    return match.group(1) if match else ""


def _tls_flags(env: Mapping[str, str]) -> dict[str, str]:
    flags = {}
    if bundle := _first(env, "AWS_CA_BUNDLE"):
        flags["RCLONE_CA_CERT"] = bundle
    if _is(env, "S3_VERIFY_SSL", _FALSE) or _is(env, "VERIFY_SSL", _FALSE):
        flags["RCLONE_NO_CHECK_CERTIFICATE"] = "true"
    return flags


def _first(env: Mapping[str, str], *names: str) -> str:
    """Return the first variable that is not blank.

    A newline at its end is what `echo` puts into a secret by mistake.
    """
    return next((value for name in names if (value := env.get(name, "").strip())), "")


def _is(env: Mapping[str, str], name: str, words: frozenset[str]) -> bool:
    return env.get(name, "").strip().lower() in words
