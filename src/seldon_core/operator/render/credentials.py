"""Credentials that a model's service account carries, turned into what a storage initializer reads.

The variables are those of kfserving's initializer (0.6.1: AWS_ENDPOINT_URL with its scheme decides about TLS); our
own reads the same. Values stay in the secret: pods refer to its keys. Source: specification 1.4.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from .config import CredentialKeys
from .facts import Facts, SecretFacts

# The first prefix wins where a secret carries both.
_PREFIXES: Final = ("machinelearning.seldon.io", "serving.kubeflow.org")
_GCS_VOLUME: Final = "user-gcp-sa"
_GCS_FOLDER: Final = "/var/secrets/"


@dataclass(frozen=True)
class Credentials:
    """What an init container gets: variables, mounts, and the volumes of its pod that these need."""

    env: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()


def of_service_account(name: str, facts: Facts, keys: CredentialKeys) -> Credentials:
    """The credentials in the secrets of a service account; empty where it is unknown or has none.

    With several secrets for one store the first one counts, so that no variable is given twice.
    """
    account = facts.service_accounts.get(name)
    secrets = account.secrets if account else ()
    s3 = next((secret for secret in secrets if keys.s3_secret_access_key in secret.keys), None)
    gcs = next((secret for secret in secrets if keys.gcs_file in secret.keys), None)
    env = [*(_s3(s3, keys) if s3 else ()), *(_gcs_env(keys) if gcs else ())]
    if gcs is None:
        return Credentials(env=tuple(env))
    return Credentials(
        env=tuple(env),
        mounts=({"name": _GCS_VOLUME, "mountPath": _GCS_FOLDER, "readOnly": True},),
        volumes=({"name": _GCS_VOLUME, "secret": {"secretName": gcs.name}},),
    )


def _s3(secret: SecretFacts, keys: CredentialKeys) -> Iterator[dict[str, Any]]:
    for variable, key in (
        ("AWS_ACCESS_KEY_ID", keys.s3_access_key_id),
        ("AWS_SECRET_ACCESS_KEY", keys.s3_secret_access_key),
    ):
        yield {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}}}
    for variable, value in _s3_settings(secret):
        if value:
            yield {"name": variable, "value": value}


def _s3_settings(secret: SecretFacts) -> Iterable[tuple[str, str]]:
    """Settings from the secret's annotations. An endpoint is host:port, or a URL, whose scheme then counts."""
    endpoint, https = _annotation(secret, "s3-endpoint"), _annotation(secret, "s3-usehttps")
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    if not https and parts.scheme:
        https = "0" if parts.scheme == "http" else "1"
    scheme = "http" if https.lower() in {"0", "false"} else "https"
    return (
        ("S3_USE_HTTPS", https),
        ("S3_ENDPOINT", parts.netloc),
        ("AWS_ENDPOINT_URL", f"{scheme}://{parts.netloc}" if endpoint else ""),
        ("AWS_REGION", _annotation(secret, "s3-region")),
        ("S3_VERIFY_SSL", _annotation(secret, "s3-verifyssl")),
        ("S3_USE_VIRTUAL_BUCKET", _annotation(secret, "s3-usevirtualbucket")),
    )


def _gcs_env(keys: CredentialKeys) -> Iterator[dict[str, Any]]:
    yield {"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": f"{_GCS_FOLDER}{keys.gcs_file}"}


def _annotation(secret: SecretFacts, name: str) -> str:
    values = (secret.annotations.get(f"{prefix}/{name}", "") for prefix in _PREFIXES)
    return next((value.strip() for value in values if value), "")
