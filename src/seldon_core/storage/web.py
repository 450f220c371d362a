"""Web servers as stores: `https://host/folder/`, and which hosts may be asked.

A web address is the one form of modelUri that lets whoever writes a SeldonDeployment choose a host. The container that
asks stands inside the cluster, where some addresses answer everybody: the cloud's metadata service, the Kubernetes API,
what listens on the node. Those are refused. Nothing of a secret is ever sent: a server that wants credentials is a
remote of its own (`RCLONE_CONFIG_<REMOTE>_TYPE=http`, `_URL`, `_HEADERS`): so the secret names the host they go to.
"""

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from .errors import ExitCode, StorageError
from .remote import HTTP, Remote
from .uri import ModelUri

HOSTS = "SELDON_STORAGE_HTTP_HOSTS"
_NEVER = frozenset({"localhost", "metadata", "metadata.google.internal", "kubernetes", "instance-data"})
_NEVER_BELOW = (".localhost", ".kubernetes.default.svc.cluster.local")
_API = frozenset({"kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"})


def web_remotes(uri: ModelUri, env: Mapping[str, str]) -> tuple[Remote, ...]:
    """Return the one way to ask the web server of a URI: without credentials.

    Raises StorageError(BAD_URI) for a host that may not be asked.
    """
    host = urlsplit(uri.origin).hostname or ""
    allowed = {name.strip().lower() for name in env.get(HOSTS, "").split(",") if name.strip()}
    if allowed:
        if host not in allowed:
            raise _refused(uri, f"is not one of the hosts of {HOSTS}", "add it there, or use another store")
    elif _is_inner(host, env):
        raise _refused(
            uri,
            "is an address inside of the node or the cluster's control plane",
            f"name it in {HOSTS} of the secret, if it is a store",
        )
    return (Remote(uri.remote, {"type": HTTP, "url": f"{uri.origin}/"}, ""),)


def _is_inner(host: str, env: Mapping[str, str]) -> bool:
    if host in _NEVER | _API or host.endswith(_NEVER_BELOW) or host == env.get("KUBERNETES_SERVICE_HOST"):
        return True
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)}
    except OSError:
        return False  # the download tells that the name does not resolve
    return any(_is_inner_address(str(address), env) for address in found)


def _is_inner_address(text: str, env: Mapping[str, str]) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return (
        mapped.is_loopback
        or mapped.is_link_local
        or mapped.is_unspecified
        or mapped.is_multicast
        or str(mapped) == env.get("KUBERNETES_SERVICE_HOST")
        or str(mapped) in {"fd00:ec2::254", "100.100.100.200"}  # metadata of AWS over IPv6, of Alibaba
    )


def _refused(uri: ModelUri, reason: str, hint: str) -> StorageError:
    return StorageError(ExitCode.BAD_URI, f"the host of modelUri {uri.text} {reason}", hint)
