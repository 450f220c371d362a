"""The cluster that a command speaks to: kubectl's options, and what went wrong there as sentences with advice."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from seldon_core.kube import ApiError, Client, ForbiddenError, NotFoundError, Object, UnreachableError
from seldon_core.kube.client import Selection
from seldon_core.kube.config import ConfigError, connect_as_kubectl
from seldon_core.kube.errors import UnauthorizedError
from seldon_core.kube.resources import NAMESPACES
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS

from . import nearest
from .errors import CommandError

FIELD_MANAGER = "seldonctl"


@dataclass(frozen=True)
class Cluster:
    """An open connection.

    Attributes:
        client: The API server.
        namespace: The one that is meant where none is said: `--namespace`, or the context's.
        source: Which configuration led here, for messages.
    """

    client: Client
    namespace: str
    source: str

    async def named(self, namespace: str | None, names: Sequence[str]) -> list[Object]:
        """The SeldonDeployments of these names, or all where none is given.

        Raises:
            CommandError: One is not there; the sentence has the nearest name that is.
        """
        found = await self.seldon_deployments(namespace)
        known = {each["metadata"]["name"]: each for each in found}
        where = f"in namespace {namespace}"
        if unknown := [name for name in names if name not in known]:
            raise CommandError(
                *(f"There is no SeldonDeployment {name} {where}{nearest.among(name, known)}" for name in unknown)
            )
        return [known[name] for name in dict.fromkeys(names)] if names else found

    async def seldon_deployments(self, namespace: str | None) -> list[Object]:
        """All of a namespace, or of the cluster for None, by namespace and name.

        Raises:
            CommandError: They cannot be listed, or the namespace does not exist.
        """
        try:
            found = (await self.client.list(Selection(SELDON_DEPLOYMENTS, namespace))).items
            if namespace and not found:
                await self._check_namespace(namespace)
        except ApiError as error:
            raise CommandError(explain(error, self.source)) from error
        return sorted(found, key=lambda each: (each["metadata"].get("namespace", ""), each["metadata"]["name"]))

    async def _check_namespace(self, namespace: str) -> None:
        try:
            await self.client.get(NAMESPACES, namespace)
        except ForbiddenError:
            return  # who may not see namespaces is told what there is in this one: nothing
        except NotFoundError as error:
            try:
                known = [each["metadata"]["name"] for each in (await self.client.list(Selection(NAMESPACES))).items]
            except ForbiddenError:
                known = []
            raise CommandError(f"Namespace {namespace} does not exist{nearest.among(namespace, known)}") from error


def add_options(parser: argparse.ArgumentParser, *, namespace: str) -> None:
    """Add the options that name the cluster and the namespace.

    Args:
        parser: The command's.
        namespace: What the namespace is for, as a help text.
    """
    parser.add_argument("-n", "--namespace", metavar="NS", help=f"{namespace} (default: the context's)")
    parser.add_argument("--context", help="context of the kubeconfig (default: the current one)")
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="kubeconfig file (default: KUBECONFIG, which may name several, or "
        "~/.kube/config)"
    )  # fmt: skip


def run(arguments: argparse.Namespace, action: Callable[[Cluster], Awaitable[int]]) -> int:
    """Connect, do something, and close.

    Raises:
        CommandError: There is no usable configuration, or the API server refuses.
    """
    return asyncio.run(_run(arguments, action))


async def _run(arguments: argparse.Namespace, action: Callable[[Cluster], Awaitable[int]]) -> int:
    try:
        connection = connect_as_kubectl(kubeconfig=arguments.kubeconfig, context=arguments.context)
    except ConfigError as error:
        raise CommandError(f"No cluster to speak to: {error}") from error
    client = Client(connection, field_manager=FIELD_MANAGER)
    try:
        return await action(Cluster(client, arguments.namespace or connection.namespace, connection.source))
    except ApiError as error:
        raise CommandError(explain(error, connection.source)) from error
    finally:
        await client.close()


def explain(error: ApiError, source: str) -> str:
    """What an error of the API server means, and what to do about it.

    Args:
        error: What was refused.
        source: Where the connection comes from.
    """
    if isinstance(error, UnreachableError):
        why = error.message.removeprefix("no answer from the API server: ")
        return f"The cluster does not answer ({source}): {why}. Is it running, and is this the right context?"
    if isinstance(error, UnauthorizedError):
        return f"The cluster does not accept your credentials ({source}): {error.message or 'log in again.'}"
    if isinstance(error, NotFoundError) and error.call.resource == SELDON_DEPLOYMENTS and not error.call.name:
        return (
            f"The cluster does not know SeldonDeployments ({source}): install the chart seldon-core-operator, whose "
            "CustomResourceDefinition makes them known."
        )
    if isinstance(error, ForbiddenError) and error.is_rbac:
        everywhere = "" if error.call.namespace else " One namespace may be allowed to you: name it with --namespace."
        return f"You may not do this ({source}): {error}.{everywhere}"
    return f"The cluster refuses ({source}): {error}"
