"""What becomes of SeldonDeployments and their objects, as a value and as a text; never with a secret in it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from seldon_core.operator.objects.compare import MISSING, Difference
from seldon_core.operator.report.plan import Action, Change
from seldon_core.operator.report.sentences import sentence

from .report import Value
from .table import paragraph

_VERBS: Final = {
    "create": ("is created", "are created"),
    "update": ("is updated", "are updated"),
    "replace": ("is made anew, its old pods serving meanwhile", "are made anew, their old pods serving meanwhile"),
    "delete": ("is deleted, once what replaces it is ready", "are deleted, once what replaces them is ready"),
    "keep": ("stays as it is", "stay as they are"),
}
"""Of one object, and of several."""
_ROLLS: Final = ("; its pods roll", "; their pods roll")
_NAMED: Final = 8
"""So many are named in the summary; all are above it."""


class FieldChange(Value, frozen=True, omit_defaults=True):
    """A field. `old` or `new` is left out where the field is not there before or after."""

    path: str
    old: Any = msgspec.UNSET
    new: Any = msgspec.UNSET
    note: str = ""


class ObjectChange(Value, frozen=True):
    """An object that changes. `held` are fields of a pod template that would change and stay as they are.

    `reasons` says in sentences what differs; of a Deployment whose pods roll, that is why they do.
    """

    kind: str
    namespace: str
    name: str
    action: Action
    rolls_pods: bool = False
    reasons: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    held: tuple[FieldChange, ...] = ()


class Outcome(Value, frozen=True):
    """Everything that changes for one SeldonDeployment, itself first.

    `problems` say why it would be refused, or its objects cannot be told. `in_turn` says that its pods are not replaced
    at once, but when it is their turn (value `manager.rollout.maxConcurrent`).
    """

    namespace: str
    name: str
    changes: tuple[ObjectChange, ...] = ()
    problems: tuple[str, ...] = ()
    in_turn: bool = False

    @property
    def differs(self) -> bool:
        """Whether anything in the cluster would be written."""
        return any(each.action != "keep" for each in self.changes)


def object_change(change: Change) -> ObjectChange:
    """The planned change of an object."""
    return ObjectChange(
        kind=change.kind,
        namespace=change.namespace,
        name=change.name,
        action=change.action,
        rolls_pods=change.rolls_pods,
        reasons=change.reasons,
        fields=tuple(_field(each) for each in change.differences),
        held=tuple(_field(each) for each in change.held),
    )


def own_change(
    kind: str, namespace: str, name: str, *, exists: bool, differences: Sequence[Difference]
) -> ObjectChange | None:
    """The change of a SeldonDeployment itself; None where it stays as it is.

    Args:
        kind: Its kind.
        namespace: Its namespace.
        name: Its name.
        exists: Whether it is there already.
        differences: Its fields, secret values hidden.
    """
    if not exists:
        return ObjectChange(kind=kind, namespace=namespace, name=name, action="create")
    if not differences:
        return None
    return ObjectChange(
        kind=kind,
        namespace=namespace,
        name=name,
        action="update",
        reasons=tuple(sentence(each) for each in differences),
        fields=tuple(_field(each) for each in differences),
    )


def _field(difference: Difference) -> FieldChange:
    return FieldChange(
        path=str(Difference(difference.path, MISSING, MISSING)),
        old=msgspec.UNSET if difference.live is MISSING else difference.live,
        new=msgspec.UNSET if difference.wanted is MISSING else difference.wanted,
        note=difference.note,
    )


def text(outcomes: Sequence[Outcome], *, at_a_time: int = 0) -> str:
    """All changes, those that are the same said once, and what they come to.

    Args:
        outcomes: What becomes of each SeldonDeployment.
        at_a_time: How many of them replace pods at a time, 0 for all.
    """
    alike: dict[object, list[ObjectChange]] = {}
    for outcome in outcomes:
        for change in outcome.changes:
            same = (change.kind, change.action, change.rolls_pods, change.reasons)
            alike.setdefault(same if change.reasons else (change.kind, _title(change)), []).append(change)
    lines = [line for changes in alike.values() for line in _lines(changes)]
    return "".join(f"{line}\n" for line in [*lines, *([""] if lines else []), *_summary(outcomes, at_a_time)])


def _title(change: ObjectChange) -> str:
    return f"{change.namespace}/{change.name}"


def _lines(alike: Sequence[ObjectChange]) -> Iterator[str]:
    change, several = alike[0], len(alike) > 1
    rolls = change.rolls_pods and change.action not in {"create", "delete"}
    verb = _VERBS[change.action][several] + (_ROLLS[several] if rolls else "")
    yield paragraph(f"{change.kind} {', '.join(_title(each) for each in alike)} {verb}", indent="  ", first="")
    for reason in change.reasons:
        yield paragraph(reason, indent="      ", first="    ")


def _summary(outcomes: Sequence[Outcome], at_a_time: int) -> Iterator[str]:
    changes = [change for outcome in outcomes for change in outcome.changes]
    writes = [change for change in changes if change.action != "keep"]
    if not writes:
        yield "Nothing would change."
    else:
        counts = {verb: sum(each.action == verb for each in writes) for verb in _VERBS}
        told = ", ".join(f"{count} {verb}" for verb, count in counts.items() if count)
        concerned = sum(outcome.differs for outcome in outcomes)
        yield f"Would change: {told}, for {concerned} of {len(outcomes)} SeldonDeployment{'s' * (len(outcomes) > 1)}."
    rolling = [each for each in writes if each.rolls_pods and each.action != "delete"]
    if rolling:
        limited = at_a_time and sum(outcome.in_turn for outcome in outcomes) > at_a_time
        turns = f"; at most {at_a_time} SeldonDeployments at a time" if limited else ""
        yield paragraph(f"Pods would roll in: {_some(rolling)}{turns}.", indent="  ", first="")
    elif writes:
        yield "No running pod would be replaced."
    if kept := [each for each in changes if each.held]:
        yield paragraph(f"Pods are held as they are in: {_some(kept)}.", indent="  ", first="")


def _some(changes: Sequence[ObjectChange]) -> str:
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return ", ".join(_title(each) for each in changes[:_NAMED]) + more
