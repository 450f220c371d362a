"""What rendering may know about a cluster: which credentials the service accounts of a namespace carry.

Read by the controller, empty for `seldonctl render`. Facts hold names and annotations, never the content of a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, kw_only=True)
class SecretFacts:
    """A secret that a service account lists: its name, the names of its keys, and its annotations."""

    name: str
    keys: frozenset[str] = frozenset()
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class ServiceAccountFacts:
    """The secrets of one service account, in the order in which it lists them."""

    secrets: tuple[SecretFacts, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Service accounts of the SeldonDeployment's namespace, by name; one that is not there is not in the mapping."""

    service_accounts: Mapping[str, ServiceAccountFacts] = field(default_factory=lambda: MappingProxyType({}))


NO_FACTS: Final = Facts()
