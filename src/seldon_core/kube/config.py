"""Where the API server is and how to speak to it, from the pod's service account or from KUBECONFIG.

lightkube's part in this project: kubeconfig files, exec plugins, the rotating service account token, TLS. What it
returns is an HTTP client that is already configured; the verbs on top of it are our own (client.py), over plain dicts.
"""

import os
from dataclasses import dataclass

import httpx2
from lightkube.config.client_adapter import AsyncClient, ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError as _LightkubeConfigError

CONNECT_TIMEOUT_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 30.0
"""Longest time without a byte of an answer; the API server itself gives a request up after 60 s."""


class ConfigError(Exception):
    """There is no usable configuration; the text says what was looked for."""


@dataclass(frozen=True)
class Connection:
    """An HTTP client that speaks to one API server, and the namespace that it is at home in."""

    http: httpx2.AsyncClient
    namespace: str


def connect(*, server: str | None = None, context: str | None = None) -> Connection:
    """The connection that the environment describes.

    In a pod that is its service account; elsewhere the file that KUBECONFIG names, or ~/.kube/config.

    Args:
        server: URL of an API server that asks for no credentials (a test's, or `kubectl proxy`); the environment is
            not read then.
        context: Context of the kubeconfig file; the current one where None.

    Raises:
        ConfigError: Nothing is configured, or the file cannot be read.
    """
    try:
        config = _config(server, context)
    except (_LightkubeConfigError, OSError, KeyError, ValueError) as error:
        file = os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
        raise ConfigError(
            f"no Kubernetes configuration: no pod's service account is here, and kubeconfig {file} is unusable: {error}"
        ) from error
    if config is None:
        raise ConfigError("the kubeconfig file names no current context")
    params = ConnectionParams(
        timeout=httpx2.Timeout(REQUEST_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS), trust_env=server is None
    )
    return Connection(http=AsyncClient(config, params), namespace=config.namespace)


def _config(server: str | None, context: str | None) -> SingleConfig | None:
    if server is not None:
        single = KubeConfig.from_server(server).get()
        # lightkube insists on a user; an empty one sends no credentials.
        from lightkube.config.models import User

        return None if single is None else single._replace(user=User())
    return KubeConfig.from_env().get(context)
