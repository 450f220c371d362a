"""Reads which credentials the service accounts of a namespace carry: names and annotations, never a secret's values.

The one place of the controller that reads secrets. What leaves it is `Facts`; the values are dropped in the line
after they came in. Annotations are taken from a list: others may hold anything,
`kubectl.kubernetes.io/last-applied-configuration` the secret's whole content.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from seldon_core.kube import Client, ForbiddenError, NotFoundError
from seldon_core.kube.resources import SECRETS, SERVICE_ACCOUNTS
from seldon_core.operator.render.facts import Facts, SecretFacts, ServiceAccountFacts
from seldon_core.operator.rollout.unread import Unread

_log = logging.getLogger(__name__)

ANNOTATION_PREFIXES = ("machinelearning.seldon.io/", "serving.kubeflow.org/", "serving.kserve.io/")
FRESH_SECONDS = 10.0
"""What was read is good for so long: a rollout's events cause many reconciles, and each would read the same again."""
_REMEMBERED = 1000


class CredentialReader:
    """Facts of service accounts, read with `get` alone.

    Args:
        client: The API server.
        clock: Seconds.
    """

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self.refused: ForbiddenError | None = None
        """The last thing that we may not read: facts are without it."""
        self._said: set[str] = set()
        self._read: dict[tuple[str, str], tuple[float, ServiceAccountFacts | None]] = {}
        self._incomplete: set[tuple[str, str]] = set()
        self._unread: dict[tuple[str, str], Unread] = {}

    async def facts(self, namespace: str, service_accounts: Iterable[str], *, fresh: bool = False) -> Facts:
        """The facts of these service accounts; those that do not exist are not in them.

        Args:
            namespace: Where they are.
            service_accounts: Their names.
            fresh: Take nothing that was read before.
        """
        names = list(dict.fromkeys(service_accounts))
        found = await asyncio.gather(*(self._service_account(namespace, name, fresh=fresh) for name in names))
        return Facts(service_accounts={n: f for n, f in zip(names, found, strict=True) if f is not None})

    def is_complete(self, namespace: str, service_accounts: Iterable[str]) -> bool:
        """Whether all that was looked for at the last reading was there: the accounts, and the secrets they name."""
        return not any((namespace, name) in self._incomplete for name in service_accounts)

    def unread(self, namespace: str, service_accounts: Iterable[str]) -> Unread:
        """What could not be read at the last reading, for whatever reason."""
        found = [self._unread[namespace, name] for name in service_accounts if (namespace, name) in self._unread]
        return Unread(
            frozenset().union(*(each.accounts for each in found)), frozenset().union(*(each.secrets for each in found))
        )

    async def _service_account(self, namespace: str, name: str, *, fresh: bool) -> ServiceAccountFacts | None:
        now = self._clock()
        known = self._read.get((namespace, name))
        if known is not None and not fresh and now - known[0] < FRESH_SECONDS:
            return known[1]
        # Old entries are only ever a few names; they are dropped together, when there are many.
        if len(self._read) > _REMEMBERED:
            for memory in (self._read, self._said, self._incomplete, self._unread):
                memory.clear()
        facts = await self._read_service_account(namespace, name)
        self._read[namespace, name] = (now, facts)
        return facts

    async def _read_service_account(self, namespace: str, name: str) -> ServiceAccountFacts | None:
        self._unread[namespace, name] = Unread(accounts=frozenset({name}))
        try:
            account = await self._client.get(SERVICE_ACCOUNTS, name, namespace)
        except NotFoundError as error:
            self._incomplete.add((namespace, name))
            self._say(f"{error}; its credentials are not used", namespace)
            return None
        except ForbiddenError as error:
            # An installation with roles of its own may never give the permission. That is no account which may still
            # come: it counts as one without secrets.
            self._incomplete.discard((namespace, name))
            self.refused = error
            self._say(f"credentials of service accounts are not used: {error}", namespace)
            return ServiceAccountFacts()
        names = [s["name"] for s in account.get("secrets") or () if s.get("name")]
        secrets = await asyncio.gather(*(self._secret(namespace, secret) for secret in names))
        (self._incomplete.add if None in secrets else self._incomplete.discard)((namespace, name))
        missing = frozenset(n for n, s in zip(names, secrets, strict=True) if s is None)
        self._unread[namespace, name] = Unread(secrets=missing)
        return ServiceAccountFacts(secrets=tuple(s for s in secrets if s is not None))

    async def _secret(self, namespace: str, name: str) -> SecretFacts | None:
        try:
            secret = await self._client.get(SECRETS, name, namespace)
        except (NotFoundError, ForbiddenError) as error:
            if isinstance(error, ForbiddenError):
                self.refused = error
            self._say(f"{error}; it is not used as credentials", namespace)
            return None
        keys = frozenset({**(secret.get("data") or {}), **(secret.get("stringData") or {})})
        annotations = secret["metadata"].get("annotations") or {}
        del secret
        kept = {key: value for key, value in annotations.items() if key.startswith(ANNOTATION_PREFIXES)}
        return SecretFacts(name=name, keys=keys, annotations=kept)

    def _say(self, text: str, namespace: str) -> None:
        """Each thing once: it is looked for again and again."""
        if text not in self._said:
            self._said.add(text)
            _log.info("%s", text, extra={"namespace": namespace})
