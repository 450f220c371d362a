"""Azure Blob Storage without rclone's variables: Azure's own, and kfserving's, read as an rclone remote.

Sources: kfserving 0.6.1 `storage.py` (AZ_*), and the variables of Azure's command line (AZURE_STORAGE_ACCOUNT, _KEY,
_SAS_TOKEN, _CONNECTION_STRING). A SAS is a token behind a question mark: it opens one container or a whole account,
and never stands in modelUri, where everybody could read it.
"""

from collections.abc import Mapping

from .errors import ExitCode, StorageError
from .flags import first, tls_flags
from .remote import AZURE, Remote
from .uri import ModelUri

_CLOUD = "blob.core.windows.net"


def remotes(uri: ModelUri, env: Mapping[str, str]) -> tuple[Remote, ...]:
    """Return the ways to try, in order, for an Azure container without rclone options.

    Raises StorageError(CONFIG) when no account is named anywhere.
    """
    name, flags = uri.remote, tls_flags(env)
    if text := first(env, "AZURE_STORAGE_CONNECTION_STRING"):
        options = {"type": AZURE, "connection_string": text}
        return (Remote(name, options, "AZURE_STORAGE_CONNECTION_STRING", flags),)
    account = uri.account or first(env, "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        raise StorageError(
            ExitCode.CONFIG,
            "no Azure storage account is named",
            f"set RCLONE_CONFIG_{name.upper()}_ACCOUNT or AZURE_STORAGE_ACCOUNT in the secret, "
            "or write https://ACCOUNT.blob.core.windows.net/container/folder",
        )
    endpoint = (first(env, "AZURE_STORAGE_BLOB_ENDPOINT") or uri.origin).rstrip("/")
    options = {"type": AZURE, "account": account}
    if endpoint and not endpoint.endswith(f"//{account}.{_CLOUD}"):
        options["endpoint"] = endpoint
    if key := first(env, "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"):
        return (Remote(name, {**options, "key": key}, "AZURE_STORAGE_ACCESS_KEY", flags),)
    if token := first(env, "AZURE_STORAGE_SAS_TOKEN"):
        url = sas_url(endpoint or f"https://{account}.{_CLOUD}", uri.bucket, token)
        return (Remote(name, {"type": AZURE, "sas_url": url}, "AZURE_STORAGE_SAS_TOKEN", flags),)
    principal = {
        "tenant": first(env, "AZ_TENANT_ID"),
        "client_id": first(env, "AZ_CLIENT_ID"),
        "client_secret": first(env, "AZ_CLIENT_SECRET"),
    }
    if all(principal.values()):
        return (Remote(name, options | principal, "AZ_TENANT_ID, AZ_CLIENT_ID and AZ_CLIENT_SECRET", flags),)
    identity = Remote(name, {**options, "env_auth": "true"}, "the pod's Azure identity", flags)
    if env.get("AZURE_FEDERATED_TOKEN_FILE"):
        return (identity,)
    return (Remote(name, options, "", flags), identity)


def completed(options: Mapping[str, str], uri: ModelUri) -> dict[str, str]:
    """Return what the URI, `https://ACCOUNT...`, adds to options that a secret gives for rclone."""
    if not uri.account or "connection_string" in options or "sas_url" in options:
        return {}
    added = {} if "account" in options else {"account": uri.account}
    if "endpoint" not in options and not uri.origin.endswith(_CLOUD):
        added["endpoint"] = uri.origin
    return added


def sas_url(endpoint: str, container: str, token: str) -> str:
    """Return rclone's form of a SAS: the container's URL with the token, whether or not it has its question mark."""
    return f"{endpoint}/{container}?{token.lstrip('?')}"
