"""The environment of kfserving's initializer, read as an rclone remote: S3 and Google Cloud Storage.

Secrets that were written for kfserving's storage initializer, and the variables that the controller makes of a service
account's secret, keep working without an edit. Sources: kfserving 0.6.1 `storage.py` (AWS_ENDPOINT_URL,
awsAnonymousCredential, GOOGLE_APPLICATION_CREDENTIALS) and specification 1.4 (S3_ENDPOINT, S3_USE_HTTPS, AWS_REGION,
S3_VERIFY_SSL).
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .errors import ExitCode, StorageError
from .flags import first, is_no, is_yes, tls_flags
from .remote import GCS, S3, Remote, guess_provider

S3_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
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
    options = _s3_place(env)
    flags = tls_flags(env)
    key, secret = (
        first(env, "AWS_ACCESS_KEY_ID", "awsAccessKeyID"),
        first(env, "AWS_SECRET_ACCESS_KEY", "awsSecretAccessKey"),
    )
    if is_yes(env, "awsAnonymousCredential"):
        return (Remote(name, options, "awsAnonymousCredential", flags),)
    if bool(key) != bool(secret):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        given, missing = names if key else reversed(names)
        raise StorageError(
            ExitCode.CONFIG, f"{missing} is missing or empty while {given} is set", "complete the secret"
        )
    if key:
        options |= {"access_key_id": key, "secret_access_key": secret}
        if token := first(env, "AWS_SESSION_TOKEN"):
            options["session_token"] = token
        return (Remote(name, options, S3_KEYS, flags),)
    identity = Remote(name, {**options, "env_auth": "true"}, "the pod's AWS identity", flags)
    if any(env.get(variable) for variable in _AWS_IDENTITY):
        return (identity,)
    nobody = Remote(name, options, "", flags)
    return (nobody,) if "endpoint" in options else (nobody, identity)


def _s3_place(env: Mapping[str, str]) -> dict[str, str]:
    """Return the options that say where the store is, without those that say who asks."""
    endpoint = _endpoint(env)
    provider = guess_provider(endpoint)
    region = first(env, "AWS_REGION", "AWS_DEFAULT_REGION", "S3_REGION")
    if provider == "AWS":
        region = region or _region_of(endpoint)
        if urlsplit(endpoint).hostname == "s3.amazonaws.com":
            endpoint = ""
    options = {"type": S3, "provider": provider, "env_auth": "false"}
    more = {"region": region, "endpoint": endpoint, "force_path_style": _path_style(env)}
    return options | {key: value for key, value in more.items() if value}


def gcs_remotes(name: str, env: Mapping[str, str]) -> tuple[Remote, ...]:
    """Return the ways to try for a Google Cloud Storage address without rclone options."""
    options = {"type": GCS}
    # The variable that Google's own clients read for an emulator, or for a private endpoint.
    if endpoint := first(env, "STORAGE_EMULATOR_HOST"):
        options["endpoint"] = endpoint
    flags = tls_flags(env)
    if given := first(env, "GOOGLE_APPLICATION_CREDENTIALS"):
        option = "service_account_credentials" if given.startswith("{") else "service_account_file"
        return (Remote(name, {**options, option: given}, "GOOGLE_APPLICATION_CREDENTIALS", flags),)
    return (
        Remote(name, {**options, "anonymous": "true"}, "", flags),
        Remote(name, {**options, "env_auth": "true"}, "the pod's Google identity", flags),
    )


def _endpoint(env: Mapping[str, str]) -> str:
    endpoint = first(env, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT").rstrip("/")
    if not endpoint or "://" in endpoint:
        return endpoint
    plain = is_no(env, "S3_USE_HTTPS") or is_no(env, "USE_SSL")
    return f"{'http' if plain else 'https'}://{endpoint}"


def _region_of(endpoint: str) -> str:
    match = re.search(r"s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com", endpoint)
    return match.group(1) if match else ""


def _path_style(env: Mapping[str, str]) -> str:
    """Return rclone's `force_path_style`, "" to let the provider decide.

    Sources: the AWS SDKs' `addressing_style`, and kserve's S3_USE_VIRTUAL_BUCKET (and its annotation).
    """
    style = first(env, "AWS_S3_ADDRESSING_STYLE").lower()
    if style == "path" or is_yes(env, "S3_FORCE_PATH_STYLE") or is_no(env, "S3_USE_VIRTUAL_BUCKET"):
        return "true"
    if style == "virtual" or is_no(env, "S3_FORCE_PATH_STYLE") or is_yes(env, "S3_USE_VIRTUAL_BUCKET"):
        return "false"
    return ""
