"""Where the API server is and how to speak to it, from the pod's service account or from KUBECONFIG.

lightkube's part in this project: kubeconfig files, exec plugins, the rotating service account token, TLS. What it
returns is an HTTP client that is already configured; the verbs on top of it are our own (client.py), over plain dicts.
"""

import os
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from lightkube.config.client_adapter import AsyncClient, ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError as _LightkubeConfigError

from . import kubeconfig as kubeconfigs
from .kubeconfig import ConfigError

__all__ = ["ConfigError", "Connection", "CredentialsError", "connect", "connect_as_kubectl"]

CONNECT_TIMEOUT_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 30.0
"""Longest time without a byte of an answer; the API server itself gives a request up after 60 s."""


class CredentialsError(Exception):
    """The credentials that the configuration speaks of cannot be had: a plugin or a token file fails."""


@dataclass(frozen=True)
class Connection:
    """An HTTP client that speaks to one API server, and the namespace that it is at home in.

    Attributes:
        http: The client.
        namespace: Of the context, or of the pod.
        source: Which configuration this is, for messages; empty where nobody asks.
    """

    http: httpx2.AsyncClient
    namespace: str
    source: str = ""


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


def connect_as_kubectl(*, kubeconfig: str | None = None, context: str | None = None) -> Connection:
    """The connection that kubectl would use: the kubeconfig files, and a pod's service account where there are none.

    Args:
        kubeconfig: A file; where None, those that KUBECONFIG names, or ~/.kube/config.
        context: A context of the files; the current one where None.

    Raises:
        ConfigError: Nothing is configured, or it cannot be used.
    """
    files = kubeconfigs.files(kubeconfig)
    if files:
        chosen = kubeconfigs.choose(files, context)
    elif (Path(SERVICE_ACCOUNT) / "token").is_file() and not context:
        try:
            single = KubeConfig.from_service_account(SERVICE_ACCOUNT).get()
        except (_LightkubeConfigError, OSError, KeyError) as error:
            raise ConfigError(f"the pod's service account cannot be used: {error}.") from error
        assert single is not None  # noqa: S101  # it names its context itself
        chosen = kubeconfigs.Chosen(single, "the pod's service account")
    else:
        looked = os.environ.get("KUBECONFIG") or kubeconfigs.DEFAULT_FILE
        raise ConfigError(f"no kubeconfig: {looked} does not exist; name one with --kubeconfig or KUBECONFIG.")
    params = ConnectionParams(
        timeout=httpx2.Timeout(REQUEST_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS), proxy=chosen.proxy
    )
    try:
        http = AsyncClient(chosen.single, params)
    except (_LightkubeConfigError, OSError, ValueError, TypeError) as error:
        # A certificate that is no certificate is an ssl.SSLError, an OSError.
        raise ConfigError(f"{chosen.source} cannot be used: {error}.") from error
    if http.auth is not None:
        http.auth = _Explained(http.auth)
    return Connection(http=http, namespace=chosen.single.namespace, source=chosen.source)


class _Explained(httpx2.Auth):
    """Credentials whose failure is a sentence."""

    def __init__(self, inner: httpx2.Auth) -> None:
        self._inner = inner

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        flow = self._inner.async_auth_flow(request)
        try:
            prepared = await self._step(anext(flow))
            while True:
                response = yield prepared
                prepared = await self._step(flow.asend(response))
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()

    async def _step(self, step: Awaitable[httpx2.Request]) -> httpx2.Request:
        try:
            return await step
        except FileNotFoundError as error:
            raise CredentialsError(f"the kubeconfig's exec plugin {error.filename} is not installed.") from error
        except (_LightkubeConfigError, OSError, KeyError, TypeError, ValueError) as error:
            raise CredentialsError(f"the kubeconfig's credentials cannot be had: {error}") from error


def _config(server: str | None, context: str | None) -> SingleConfig | None:
    if server is not None:
        single = KubeConfig.from_server(server).get()
        # lightkube insists on a user; an empty one sends no credentials.
        from lightkube.config.models import User

        return None if single is None else single._replace(user=User())
    return KubeConfig.from_env().get(context)
