"""Reads which credentials the service accounts of a namespace carry: names and annotations, never a secret's values.

The one place of the controller that reads secrets. What leaves it is `Facts`; the values are dropped in the line
after they came in. Annotations are taken from a list: others may hold anything,
`kubectl.kubernetes.io/last-applied-configuration` the secret's whole content.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from seldon_core.kube import Client, ForbiddenError, NotFoundError
from seldon_core.kube.resources import SECRETS, SERVICE_ACCOUNTS
from seldon_core.operator.render.facts import NO_FACTS, Facts, SecretFacts, ServiceAccountFacts
from seldon_core.operator.rollout.unread import NOTHING_UNREAD, Unread

_log = logging.getLogger(__name__)

ANNOTATION_PREFIXES = ("machinelearning.seldon.io/", "serving.kubeflow.org/", "serving.kserve.io/")
FRESH_SECONDS = 10.0
"""What was read is good for so long: a rollout's events cause many reconciles, and each would read the same again."""
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found for one SeldonDeployment.

    Attributes:
        facts: Of its service accounts; those that do not exist are not in them.
        unread: What could not be read, for whatever reason.
        complete: Nothing of that may still come: the accounts are there, and the secrets that they name.
    """

    facts: Facts = NO_FACTS
    unread: Unread = NOTHING_UNREAD
    complete: bool = True


NOTHING_READ: Final = Reading()
"""Where the credentials of service accounts are not to be used."""


@dataclass(frozen=True, slots=True)
class _Account:
    """What was found of one service account, at a time of the reader's clock. `may_come`: something was missing."""

    at: float
    facts: ServiceAccountFacts | None
    unread: Unread
    may_come: bool


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
        self._known: dict[tuple[str, str], _Account] = {}

    async def read(self, namespace: str, service_accounts: Iterable[str], *, fresh: bool = False) -> Reading:
        """What these service accounts carry.

        Args:
            namespace: Where they are.
            service_accounts: Their names.
            fresh: Take nothing that was read before.
        """
        names = list(dict.fromkeys(service_accounts))
        found = await asyncio.gather(*(self._service_account(namespace, name, fresh=fresh) for name in names))
        unread = Unread(
            frozenset().union(*(each.unread.accounts for each in found)),
            frozenset().union(*(each.unread.secrets for each in found)),
        )
        facts = {name: each.facts for name, each in zip(names, found, strict=True) if each.facts is not None}
        return Reading(Facts(service_accounts=facts), unread, not any(each.may_come for each in found))

    async def _service_account(self, namespace: str, name: str, *, fresh: bool) -> _Account:
        now = self._clock()
        known = self._known.get((namespace, name))
        if known is not None and not fresh and now - known.at < FRESH_SECONDS:
            return known
        # Old entries are only ever a few names; they are dropped together, when there are many.
        if len(self._known) > _REMEMBERED:
            self._known.clear()
            self._said.clear()
        account = await self._read_service_account(namespace, name, now)
        self._known[namespace, name] = account
        return account

    async def _read_service_account(self, namespace: str, name: str, now: float) -> _Account:
        try:
            account = await self._client.get(SERVICE_ACCOUNTS, name, namespace)
        except NotFoundError as error:
            self._say(f"{error}; its credentials are not used", namespace)
            return _Account(now, None, Unread(accounts=frozenset({name})), may_come=True)
        except ForbiddenError as error:
            # An installation with roles of its own may never give the permission. That is no account which may still
            # come: it counts as one without secrets.
            self.refused = error
            self._say(f"credentials of service accounts are not used: {error}", namespace)
            return _Account(now, ServiceAccountFacts(), Unread(accounts=frozenset({name})), may_come=False)
        names = [s["name"] for s in account.get("secrets") or () if s.get("name")]
        secrets = await asyncio.gather(*(self._secret(namespace, secret) for secret in names))
        missing = frozenset(n for n, s in zip(names, secrets, strict=True) if s is None)
        facts = ServiceAccountFacts(secrets=tuple(s for s in secrets if s is not None))
        return _Account(now, facts, Unread(secrets=missing), may_come=bool(missing))

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
