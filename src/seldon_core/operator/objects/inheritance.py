"""What a Deployment that is made anew takes over from the one before it: the strategy that somebody has set there.

The new one is made without it, and then it is set under another name than the controller's: so it stays somebody's
decision, as `strategy` reads it. Kept in memory alone: who starts the controller in that moment gets our strategy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seldon_core.kube import Client, Object
from seldon_core.kube.resources import DEPLOYMENTS

from . import strategy

MANAGER: Final = "seldon-core-operator-inheritance"
"""The name that an inherited strategy is recorded under."""
_MOST: Final = 1024
"""So many Deployments at a time; they are made anew within moments."""


@dataclass(frozen=True, slots=True)
class _Estate:
    uid: str
    left: Mapping[str, Any]
    there: Mapping[str, Any]


class Inheritance:
    """Remembers what Deployments that have to go leave behind.

    Args:
        client: The API server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client.named(MANAGER)
        self._estates: dict[tuple[str, str], _Estate] = {}

    def leave(self, sdep_uid: str, wanted: Mapping[str, Any], live: Object) -> None:
        """A Deployment is about to go, for another one of its name.

        Args:
            sdep_uid: Of the SeldonDeployment.
            wanted: The rendered manifest, with our strategy or the one that is asked for.
            live: The Deployment.
        """
        fitted = strategy.hold(wanted, live)
        if fitted is wanted:
            return
        if len(self._estates) >= _MOST:
            del self._estates[next(iter(self._estates))]
        key = (sdep_uid, live["metadata"]["name"])
        self._estates[key] = _Estate(live["metadata"]["uid"], fitted["spec"], live["spec"].get("strategy") or {})

    def before_birth(self, sdep_uid: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """The manifest of a Deployment that is to be made, without what it inherits."""
        estate = self._estates.get((sdep_uid, wanted["metadata"]["name"]))
        if estate is None:
            return wanted
        if not strategy.is_default(wanted):
            # The SeldonDeployment asks for a strategy by now.
            del self._estates[sdep_uid, wanted["metadata"]["name"]]
            return wanted
        spec = {name: value for name, value in wanted["spec"].items() if name != "strategy"}
        ours = {"strategy": estate.left["strategy"]} if "strategy" in estate.left else {}
        return {**wanted, "spec": spec | ours}

    async def pass_on(self, sdep_uid: str, live: Object) -> Object:
        """Give a Deployment what the one before it has left, where there was one.

        Returns:
            The Deployment as it is then.

        Raises:
            ApiError: The API server refuses, or cannot be asked; to be tried again.
        """
        namespace, name = live["metadata"].get("namespace"), live["metadata"]["name"]
        estate = self._estates.get((sdep_uid, name))
        if estate is None or estate.uid == live["metadata"]["uid"]:
            return live
        patch = {"spec": {"strategy": {"rollingUpdate": None, **estate.there}}}
        answer = await self._client.patch(DEPLOYMENTS, name, patch, namespace)
        self._estates.pop((sdep_uid, name), None)
        return answer
