"""Says which pods may be replaced now: after an edit always, for the installation's sake in turn, kept ones when asked.

A pod template differs from what is wanted for one of four causes:

- somebody edited the SeldonDeployment: its pods are replaced at once;
- a former controller made it: it stays until an edit, or until a rollout is asked for (`manager.takeover`);
- credentials that its pods use cannot be read now: it stays until they can;
- all else, such as another default in the chart's values: at most `manager.rollout.maxConcurrent` SeldonDeployments
  at a time, each until it is ready.

What is remembered is in the status: for each Deployment, which pods the SeldonDeployment asked for, and at which of its
generations (`podTemplates`). See docs/adr/0003.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Literal

from seldon_core.api.types import SeldonDeployment
from seldon_core.kube import Object
from seldon_core.operator.objects import takeover, templates

from . import intent
from .request import NOTHING, Request, request_of
from .unread import NOTHING_UNREAD, Unread


@dataclass(frozen=True, slots=True)
class Policy:
    """What the chart's values say.

    Attributes:
        takeover: Whether pod templates that a former controller made are kept.
        max_concurrent: SeldonDeployments whose pods are replaced at a time, 0 for all.
    """

    takeover: Literal["keep", "roll"] = "keep"
    max_concurrent: int = 0


DEFAULT_POLICY: Final = Policy()


class Hold(Enum):
    """Why a Deployment's pods stay as they are, as the reason of condition `RolledOut`."""

    PAUSED = "Paused"
    KEPT = "KeptAsMade"
    WAITING = "WaitingForTurn"
    UNREAD = "CredentialsNotRead"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the Deployments of a SeldonDeployment stand to what is wanted.

    Attributes:
        request: What the SeldonDeployment's annotation asks for.
        held: Names of Deployments whose pods stay as they are in this pass, and why.
        in_turn: Of those that differ, the ones whose pods may be replaced when it is the SeldonDeployment's turn.
        unread: What is missing, where pods stay as they are because their credentials cannot be read.
        begins: The turn was given just now: it is said in the status first.
        records: What the status remembers once all this is written, by Deployment.
        before_edit: Of the Deployments that are to be changed by an edit, what it remembers now.
    """

    request: Request = NOTHING
    held: dict[str, Hold] = field(default_factory=dict)
    in_turn: frozenset[str] = frozenset()
    unread: str = ""
    begins: bool = False
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    before_edit: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)

    def remembered(self, *, carried_out: bool) -> Mapping[str, Mapping[str, Any]]:
        """What the status remembers once this pass is over, by Deployment.

        Args:
            carried_out: Nothing is left to wait for before everything is written; else an edit stays one.
        """
        if carried_out:
            return self.records
        kept = {name: before for name, before in self.before_edit.items() if before}
        return {name: record for name, record in self.records.items() if name not in self.before_edit} | kept

    def holding(self) -> "Standing":
        """The same while it is not this one's turn."""
        return replace(self, held=self.held | dict.fromkeys(sorted(self.in_turn), Hold.WAITING))


def stand(
    sdep: SeldonDeployment,
    pairs: Iterable[tuple[Mapping[str, Any], Object | None]],
    policy: Policy,
    *,
    is_fulfilled: Callable[[Mapping[str, Any], Object], bool] = lambda _wanted, _live: False,
    unread: Unread = NOTHING_UNREAD,
) -> Standing:
    """Find out, for each Deployment, whether its pods would be replaced, and whether they may be.

    Args:
        sdep: The SeldonDeployment, with its status.
        pairs: Each rendered Deployment as it would be written, and the live one, None where there is none.
        policy: What the chart's values say.
        is_fulfilled: Whether the API server has already made of a wish what it makes of it.
        unread: Credentials that could not be read for what is wanted.
    """
    request = request_of(sdep.metadata.annotations)
    known = (sdep.status or {}).get("podTemplates") or {}
    held: dict[str, Hold] = {}
    missing = ""
    in_turn: set[str] = set()
    records: dict[str, Mapping[str, Any]] = {}
    before_edit: dict[str, Mapping[str, Any] | None] = {}
    for wanted, live in pairs:
        name = wanted["metadata"]["name"]
        before = known.get(name)
        records[name] = {"generation": sdep.metadata.generation, "hash": templates.digest(wanted)}
        if live is None or not templates.differs(wanted, takeover.taken_over(live, template=True)):
            continue
        if is_fulfilled(wanted, live):
            continue
        edited = _edited(sdep, wanted, live, before)
        missed = unread.missed(wanted, live)
        missing = missing or missed
        if request.holds or missed:
            held[name] = Hold.UNREAD if missed else Hold.PAUSED
            if edited or missed:
                # An edit is still one, and not to be delayed, when it may be carried out; and what is wanted is not
                # known where credentials are not.
                del records[name]
                records |= {name: before} if before else {}
        elif edited:
            before_edit[name] = before
        elif policy.takeover == "keep" and takeover.made_elsewhere(live) and not request.asks_for(live):
            held[name] = Hold.KEPT
        else:
            in_turn.add(name)
    return Standing(
        request=request,
        held=held,
        in_turn=frozenset(in_turn),
        unread=missing,
        records=records,
        before_edit=before_edit,
    )


def _edited(sdep: SeldonDeployment, wanted: Mapping[str, Any], live: Object, before: Mapping[str, Any] | None) -> bool:
    """Whether the pods differ because somebody edited the SeldonDeployment."""
    if before:
        newer = before.get("generation") != sdep.metadata.generation
        return newer and before.get("hash") != templates.digest(wanted)
    if takeover.made_elsewhere(live):
        # The first look at what a former controller made. It may have been stopped before it saw the last edit.
        return intent.differs(sdep, wanted, live)
    return True
