"""What the controller would do to a SeldonDeployment's objects, told before it is done: pure, and with its own rules.

`seldonctl diff` prints it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seldon_core.kube import Object, Resource, key_of
from seldon_core.kube.resources import DEPLOYMENTS, Key
from seldon_core.operator.objects import compare, scaling, takeover, templates
from seldon_core.operator.objects.compare import Difference
from seldon_core.operator.objects.kinds import FIELD_MANAGER, owned_resource
from seldon_core.operator.objects.ownership import with_owner
from seldon_core.operator.render import Rendered
from seldon_core.operator.rollout.standing import Hold

from .disclosure import disclosed
from .sentences import sentence

Action = Literal["create", "update", "replace", "delete", "keep"]

TAKEN_OVER = "is taken over from the controller that made it"
KEPT = "the pods stay as a former controller made them until the SeldonDeployment is edited or a rollout is asked for"
UNREAD = "the pods stay as they are, because credentials that they fetch their model with cannot be read"
PAUSED = "the pods stay as they are, because the SeldonDeployment's rollouts are paused"
_HELD: Mapping[Hold | None, str] = {Hold.PAUSED: PAUSED, Hold.UNREAD: UNREAD}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one object.

    Attributes:
        kind: Such as `Deployment`.
        namespace: Its namespace.
        name: Its name.
        action: `create`, `update`, `delete`; `replace` is deleted and made anew, pods serving meanwhile; `keep` is a
            Deployment whose pod template would be another one, and stays.
        rolls_pods: Running pods are replaced.
        reasons: A sentence for each field that differs. None where an object is made or deleted.
        differences: The fields that change, secret values hidden.
        held: The fields of the pod template that would change, and stay.
    """

    kind: str
    namespace: str
    name: str
    action: Action
    rolls_pods: bool
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    held: tuple[Difference, ...] = ()


def plan(
    rendered: Rendered,
    live: Mapping[tuple[Resource, Key], Object],
    *,
    owner: tuple[str, str] | None = None,
    held: Mapping[str, Hold] | None = None,
) -> tuple[Change, ...]:
    """The changes, in the order of the rendered objects, deletions last. What stays as it is has none.

    Args:
        rendered: What is wanted.
        live: What there is of the SeldonDeployment, whole objects with their managedFields.
        owner: Name and uid of the SeldonDeployment; None where it does not exist yet.
        held: Names of Deployments whose pods stay as they are, and why, from `rollout.stand`.
    """
    held = held or {}
    scaled = scaling.scaled(rendered.objects)
    changes: list[Change] = []
    wanted_keys = set()
    for manifest in rendered.objects:
        resource, key = owned_resource(manifest), key_of(manifest)
        wanted_keys.add((resource, key))
        there = live.get((resource, key))
        wanted = with_owner(manifest, *owner) if owner else manifest
        if there is None:
            changes.append(_change(manifest, "create"))
        elif resource == DEPLOYMENTS:
            changes += _of_deployment(scaling.hold_replicas(scaled, wanted, there), there, held.get(key[1]))
        else:
            changes += _of_other(wanted, there)
    changes += [_change(o, "delete", rolls=r == DEPLOYMENTS) for (r, k), o in live.items() if (r, k) not in wanted_keys]
    return tuple(changes)


def _of_deployment(wanted: Mapping[str, Any], live: Mapping[str, Any], hold: Hold | None) -> Iterator[Change]:
    there = takeover.taken_over(live, template=hold is None)
    pods = tuple(disclosed(templates.differences(wanted, takeover.taken_over(live, template=True))))
    others = _differences(templates.held(wanted, there), there)
    taken = (TAKEN_OVER,) if there is not live else ()
    if pods and hold is None:
        replace = wanted["spec"]["selector"] != live["spec"]["selector"]
        action: Action = "replace" if replace else "update"
        differences = (*pods, *others)
        yield _change(wanted, action, rolls=True, reasons=(*_said(differences), *taken), differences=differences)
    elif pods:
        reasons = (*_said(others), *taken, _HELD.get(hold, KEPT), *_said(pods))
        yield _change(wanted, "update" if others else "keep", reasons=reasons, differences=others, held=pods)
    elif others or taken:
        yield _change(wanted, "update", reasons=(*_said(others), *taken), differences=others)


def _of_other(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    there = takeover.taken_over(live, template=True)
    differences = _differences(wanted, there)
    reasons = (*_said(differences), *((TAKEN_OVER,) if there is not live else ()))
    if reasons:
        yield _change(wanted, "update", reasons=reasons, differences=differences)


def _differences(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[Difference, ...]:
    return tuple(disclosed(compare.differences(wanted, live, FIELD_MANAGER)))


def _said(differences: tuple[Difference, ...]) -> tuple[str, ...]:
    return tuple(sentence(each) for each in differences)


def _change(
    manifest: Mapping[str, Any],
    action: Action,
    *,
    rolls: bool = False,
    reasons: tuple[str, ...] = (),
    differences: tuple[Difference, ...] = (),
    held: tuple[Difference, ...] = (),
) -> Change:
    namespace, name = key_of(manifest)
    return Change(manifest["kind"], namespace, name, action, rolls, reasons, differences, held)
