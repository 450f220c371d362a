"""The turns of SeldonDeployments at having their pods replaced, and what their status says about it.

Condition `RolledOut` is there from the first time on that pods are held as they are, or replaced for the installation's
sake. It says why pods are not what their SeldonDeployment asks for; whether they serve, `Ready` says. See
docs/adr/0003.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from seldon_core.api.types import SeldonDeployment
from seldon_core.kube import Object, key_of
from seldon_core.kube.resources import Key

from .request import ANNOTATION, PAUSED
from .standing import Hold, Policy, Standing, stand
from .turns import CONDITION, UNDER_WAY, Turns, has_turn
from .unread import NOTHING_UNREAD, Unread

Json = dict[str, Any]

UP_TO_DATE: Final = "AllPodsUpToDate"
REPLACING: Final = "Replacing"
STALLED: Final = "Stalled"
TURN_SECONDS: Final = 60.0
"""Who waits for a turn is woken when there is one; this is for the case that nobody is there to do it."""

_REPLACED: Final = "The pods are being replaced."
_GAVE_UP: Final = "New pods did not get ready in time; others have their turn meanwhile."
_LEFT: Final = f"New pods are not ready yet; others have their turn meanwhile, because of annotation {ANNOTATION}."
_TELLING: Final = frozenset({Hold.PAUSED.value, Hold.WAITING.value, Hold.UNREAD.value, STALLED})
_NAMED: Final = 3
"""So many others are named in a message."""


class Rollouts:
    """Decides, and says what was decided.

    Args:
        policy: What the chart's values say.
        turns: Given out among the SeldonDeployments.
    """

    def __init__(self, policy: Policy, turns: Turns) -> None:
        self._policy = policy
        self._turns = turns

    def stand(
        self,
        sdep: SeldonDeployment,
        live: Object,
        pairs: Iterable[tuple[Mapping[str, Any], Object | None]],
        is_fulfilled: Callable[[Mapping[str, Any], Object], bool],
        unread: Unread = NOTHING_UNREAD,
    ) -> Standing:
        """What may be done in this pass. `over` must follow once its status is written, or is not."""
        standing = stand(sdep, pairs, self._policy, is_fulfilled=is_fulfilled, unread=unread)
        key = key_of(live)
        if not standing.in_turn:
            self._turns.leave(key)
            return standing
        if has_turn(live) or (self._turns.take(key) and not self._turns.limit):
            return standing
        return replace(standing.holding(), begins=key in self._turns.taken())

    def over(self, key: Key) -> None:
        """A pass has ended: its status is written, or was not, or there is nothing to write one of."""
        self._turns.settle(key)

    def condition(self, standing: Standing, live: Object, *, ready: bool, failed: bool) -> Json | None:
        """Condition `RolledOut`, without its time; None where there was never anything to tell.

        Args:
            standing: What was decided in this pass.
            live: The SeldonDeployment.
            ready: All its pods are as they were written last, and serve.
            failed: A Deployment has given up, and nothing of it serves.
        """
        if standing.begins:
            return _not_yet(UNDER_WAY, f"The pods of {_list(standing.in_turn)} are about to be replaced.")
        held = set(standing.held.values())
        if Hold.UNREAD in held:
            return self._held(Hold.UNREAD, standing, live)
        if stopped := held & {Hold.PAUSED, Hold.WAITING}:
            return self._held(Hold.PAUSED if Hold.PAUSED in stopped else Hold.WAITING, standing, live)
        if standing.request.holds and has_turn(live) and not ready:
            return _not_yet(Hold.PAUSED.value, _LEFT)
        if standing.in_turn or (has_turn(live) and not ready):
            return _not_yet(STALLED, _GAVE_UP) if failed else _not_yet(UNDER_WAY, _REPLACED)
        return self._held(Hold.KEPT, standing, live) if held else _afterwards(live, ready=ready)

    def _held(self, hold: Hold, standing: Standing, live: Object) -> Json:
        pods = _list(name for name, why in standing.held.items() if why is hold)
        return _not_yet(hold.value, self._sentence(hold, pods, standing, live))

    def _sentence(self, hold: Hold, pods: str, standing: Standing, live: Object) -> str:
        namespace, name = key_of(live)
        request = standing.request
        if hold is Hold.UNREAD:
            return (
                f"The pods of {pods} stay as they are: credentials that they fetch their model with cannot be read "
                f"({standing.unread} in namespace {namespace} does not exist, or the controller may not read it)."
            )
        if hold is Hold.KEPT:
            return (
                f"The pods of {pods} are as a former controller made them. They are replaced when this "
                f"SeldonDeployment is edited, or by `seldonctl rollout {name} --namespace {namespace}`."
            )
        if hold is Hold.PAUSED and request.paused:
            return f'The pods of {pods} stay as they are while annotation {ANNOTATION} is "{PAUSED}".'
        if hold is Hold.PAUSED:
            return (
                f"The pods of {pods} stay as they are: annotation {ANNOTATION} is {json.dumps(request.unusable)}, "
                f'and can only be "{PAUSED}" or a time such as 2026-11-21T08:00:00Z.'
            )
        taken = ["/".join(key) for key in self._turns.taken()]
        further = f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
        return (
            f"The pods of {pods} are replaced when it is their turn: that of {', '.join(taken[:_NAMED])}{further} "
            f"is not over, and manager.rollout.maxConcurrent is {self._turns.limit}."
        )


def worth_a_word(condition: Mapping[str, Any] | None) -> str:
    """What the description says of it where all else is well: that pods are not what the SeldonDeployment says."""
    reason = condition["reason"] if condition else ""
    return str(condition["message"]) if condition and reason in _TELLING else ""


def after_error(conditions: Iterable[Mapping[str, Any]]) -> Json | None:
    """Condition `RolledOut` of a SeldonDeployment of which nothing could be made, from those it had.

    It gives its turn back: others need not wait until somebody has put it right.
    """
    before = next((dict(c) for c in conditions if c.get("type") == CONDITION), None)
    if before is None or before.get("reason") != UNDER_WAY:
        return before
    return _not_yet(STALLED, "The SeldonDeployment cannot be fulfilled; others have their turn meanwhile.")


def _afterwards(live: Object, *, ready: bool) -> Json | None:
    """Where nothing is held or under way: said of those alone of which something was said before."""
    conditions = (live.get("status") or {}).get("conditions") or ()
    before = next((c for c in conditions if c.get("type") == CONDITION), None)
    if before is None:
        return None
    if ready or before.get("status") == "True":
        return {"type": CONDITION, "status": "True", "reason": UP_TO_DATE}
    return _not_yet(STALLED, before["message"]) if before.get("reason") == STALLED else _not_yet(REPLACING, _REPLACED)


def _not_yet(reason: str, message: str) -> Json:
    return {"type": CONDITION, "status": "False", "reason": reason, "message": message}


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
