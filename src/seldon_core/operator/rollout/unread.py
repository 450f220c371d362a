"""Credentials that running pods use, and that cannot be found now: no reason to replace these pods by pods without.

A secret that is made anew, or a role that an upgrade of the chart replaces, is away for a moment. Whoever renders in
that moment wants pods without credentials; they could not fetch their model, and the ones that can would be gone.
What the pods use is read from their template, so that a controller that starts in that moment knows it as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Unread:
    """What was looked for and not found, or not allowed to be read.

    Attributes:
        accounts: Service accounts: what they name is unknown.
        secrets: Secrets that service accounts name.
    """

    accounts: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def missed(self, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> str:
        """What the pods of a live Deployment use, and would lose only because it was not read, as part of a sentence.

        Args:
            wanted: The rendered Deployment.
            live: The one that is there.

        Returns:
            Such as `secret keys`; "" where nothing is lost, or where what is lost is no longer named on purpose.
        """
        lost = _secrets(live) - _secrets(wanted)
        if not lost:
            return ""
        if known := sorted(lost & self.secrets):
            return f"secret {', '.join(known)}"
        return f"service account {', '.join(sorted(self.accounts))}" if self.accounts else ""


NOTHING_UNREAD: Final = Unread()


def _secrets(deployment: Mapping[str, Any]) -> set[str]:
    """Names of the secrets from which the init containers of a Deployment's pods take a service account's credentials.

    By key or as a volume; whole secrets (`envFrom`) are what the SeldonDeployment itself names.
    """
    pod = deployment["spec"]["template"]["spec"]
    found: set[str | None] = set()
    mounted: set[str] = set()
    for container in pod.get("initContainers") or ():
        sources = (each.get("valueFrom") or {} for each in container.get("env") or ())
        found |= {(source.get("secretKeyRef") or {}).get("name") for source in sources}
        mounted |= {each["name"] for each in container.get("volumeMounts") or ()}
    found |= set(_of_volumes(pod.get("volumes") or (), mounted))
    return {name for name in found if name}


def _of_volumes(volumes: Iterable[Mapping[str, Any]], mounted: set[str]) -> Iterable[str | None]:
    return ((each.get("secret") or {}).get("secretName") for each in volumes if each["name"] in mounted)
