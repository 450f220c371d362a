"""How objects that a former controller made become ours, without a pod being replaced, and whose a pod template is.

`metadata.managedFields` says who wrote what. An object that v1.17.1 made names that controller there for everything
that it wrote. Those fields are made ours first, in one write that changes nothing else: from then on server-side apply
takes away what is no longer wanted, as if we had written it ourselves. A Deployment's pod template is left out of that
while it is to be kept: whoever wrote it stays its writer. So the answer to "is this template a kept one" is in the
object alone; it survives restarts, and whatever a GitOps tool does to the SeldonDeployment. See docs/adr/0003.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Final

from . import ownedfields
from .kinds import DEPLOYMENT_ID, FIELD_MANAGER, REVISION
from .ownedfields import Fields

Json = dict[str, Any]

FORMER_MANAGERS: Final = frozenset({"manager", "before-first-apply"})
"""The field manager of v1.17.1 and earlier (the name of their program), and the one that the API server makes up for
what was there before anybody's fields were tracked."""

_TEMPLATE = ("spec", "template")
_WRITTEN = frozenset({"labels", "annotations", "ownerReferences"})
_NOBODYS = ("metadata", "annotations", REVISION)
"""Kubernetes counts with it, whoever seems to have written it."""


def is_former(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of managedFields is a former controller's: by its name, or because it wrote who the owner is.

    Who applied a sidecar to a Deployment, or has edited it, wrote parts of the template but not the whole of it.
    """
    if entry.get("subresource") or entry.get("manager") == FIELD_MANAGER:
        return False
    if entry.get("manager") in FORMER_MANAGERS or _get(_fields(entry), ("metadata", "ownerReferences")):
        return True
    # All that is left to it while the template that it made is kept.
    return bool(_get(_fields(entry), (*_TEMPLATE, "metadata", "labels", DEPLOYMENT_ID)))


def made_elsewhere(live: Mapping[str, Any]) -> bool:
    """Whether a Deployment's pod template is another controller's: we wrote nothing of it, or that one wrote since."""
    if any(_get(_fields(e), _TEMPLATE) for e in _entries(live) if e.get("manager") in FORMER_MANAGERS):
        return True
    return not any(_get(owned, _TEMPLATE) for owned in ownedfields.owned_by(live, FIELD_MANAGER))


def pending(live: Mapping[str, Any], *, template: bool) -> bool:
    """Whether some of what a former controller wrote is to become ours still.

    Args:
        live: An object of a SeldonDeployment.
        template: Its pod template, if it has one, is to become ours, too.
    """
    ours = ownedfields.owned_by(live, FIELD_MANAGER)
    kept: tuple[tuple[str, ...], ...] = (_NOBODYS,) if template else (_NOBODYS, _TEMPLATE)
    if not ours or any(_without(_fields(e), *kept) for e in _entries(live) if is_former(e)):
        return True
    # What we wrote of a template before a former controller came back is not ours to take away.
    return not template and any(_get(owned, _TEMPLATE) for owned in ours) and made_elsewhere(live)


def adopted(live: Mapping[str, Any], *, template: bool) -> list[Json] | None:
    """The managedFields with which what a former controller wrote is ours, as if we had applied it.

    Args:
        live: The object with all of its managedFields.
        template: The pod template becomes ours as well; else it stays, or becomes again, that controller's.

    Returns:
        What to write, or None where nothing changes.
    """
    entries = _entries(live)
    if all(entry.get("subresource") for entry in entries):
        entries.append(_made_up(live))
    rest, ours = [], [e for e in entries if e.get("manager") == FIELD_MANAGER and not e.get("subresource")]
    gained: list[Json] = []
    for entry in entries:
        if entry in ours:
            continue
        taken, left = _split(entry, template=template)
        gained += [{**entry, "fieldsV1": taken}] if taken else []
        rest += [{**entry, "fieldsV1": left}] if left or not taken else []
    if not template and made_elsewhere(live):
        ours, rest = _give_back(ours, rest)
    for entry in gained:
        ours = _merged(ours, entry)
    result = [*rest, *ours]
    return None if _same(result, _entries(live)) else result


def taken_over(live: Mapping[str, Any], *, template: bool) -> Mapping[str, Any]:
    """The object as it is once `adopted` is written: the very same one where there is nothing of that to do."""
    entries = adopted(live, template=template) if pending(live, template=template) else None
    return live if entries is None else {**live, "metadata": {**live["metadata"], "managedFields": entries}}


def written_at(live: Mapping[str, Any]) -> datetime | None:
    """When a former controller last wrote fields of a Deployment that its pod template is among, None if unknown."""
    others = (e for e in _entries(live) if e.get("manager") != FIELD_MANAGER and not e.get("subresource"))
    times = [time_of(str(e.get("time", ""))) for e in others if _get(_fields(e), _TEMPLATE)]
    return max((time for time in times if time), default=None)


def time_of(text: str) -> datetime | None:
    """The time that an RFC 3339 text says, in UTC where it names no zone; None where it says none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _split(entry: Json, *, template: bool) -> tuple[Fields, Fields]:
    """What of another's fields becomes ours, and what stays that one's."""
    fields = _fields(entry)
    if is_former(entry):
        kept = (_NOBODYS,) if template else (_NOBODYS, _TEMPLATE)
        return _without(fields, *kept), reduce(_union, (_only(fields, path) for path in kept))
    if template and entry.get("operation") == "Update" and not entry.get("subresource"):
        # Such as a probe that somebody has edited: it would stay beside ours. Annotations, such as that of
        # `kubectl rollout restart`, do not get in the way.
        inner = (*_TEMPLATE, "spec")
        return _only(fields, inner), _without(fields, inner)
    return {}, fields


def _give_back(ours: list[Json], rest: list[Json]) -> tuple[list[Json], list[Json]]:
    """Our part of a template that is another controller's goes to that one, or to nobody."""
    part: Fields = {}
    for entry in ours:
        part = _union(part, _only(_fields(entry), _TEMPLATE))
    kept = [{**e, "fieldsV1": left} for e in ours if (left := _without(_fields(e), _TEMPLATE))]
    given = [
        {**e, "fieldsV1": _union(_fields(e), part)} if is_former(e) and _get(_fields(e), _TEMPLATE) else e for e in rest
    ]
    return kept, given


def _merged(ours: list[Json], gained: Json) -> list[Json]:
    """Our entries with the fields of one more: in that of our applies to the same version of the API, or in a new one.

    Fields of another version have other names, maybe: an apply would never take them away, so they count as written
    as a whole.
    """
    versions = {e.get("apiVersion") for e in ours if e.get("operation") == "Apply"} or {gained.get("apiVersion")}
    operation = "Apply" if gained.get("apiVersion") in versions else "Update"
    identity = (operation, gained.get("apiVersion"))
    for number, entry in enumerate(ours):
        if (entry.get("operation"), entry.get("apiVersion")) == identity:
            both = {**entry, "fieldsV1": _union(_fields(entry), _fields(gained))}
            return [*ours[:number], both, *ours[number + 1 :]]
    return [*ours, {**gained, "manager": FIELD_MANAGER, "operation": operation}]


def _entries(live: Mapping[str, Any]) -> list[Json]:
    return list(live["metadata"].get("managedFields") or ())


def _fields(entry: Mapping[str, Any]) -> Fields:
    return entry.get("fieldsV1") or {}


def _made_up(live: Mapping[str, Any]) -> Json:
    """The entry of an object that lost its managedFields, as some backup tools restore it: all of it is somebody's."""
    metadata = {name: value for name, value in live["metadata"].items() if name in _WRITTEN}
    body = {name: value for name, value in live.items() if name not in {"apiVersion", "kind", "metadata", "status"}}
    return {
        "manager": "before-first-apply",
        "operation": "Update",
        "apiVersion": live["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": ownedfields.all_of({"metadata": metadata, **body}),
    }


def _get(fields: Fields, path: Iterable[str]) -> Any:
    """What is owned at a path, None where nothing is."""
    found: Any = fields
    for name in path:
        found = found.get("f:" + name)
        if found is None:
            return None
    return found or {".": {}}


def _without(fields: Fields, *paths: tuple[str, ...]) -> Fields:
    for path in paths:
        fields = _cut(fields, path)
    return fields


def _cut(fields: Fields, path: tuple[str, ...]) -> Fields:
    key = "f:" + path[0]
    if key not in fields:
        return fields
    others = {name: inner for name, inner in fields.items() if name != key}
    if len(path) == 1:
        return others
    left = _cut(fields[key], path[1:])
    # A map of which nothing but itself is left.
    return others | {key: left} if set(left) - {"."} else others


def _only(fields: Fields, path: tuple[str, ...]) -> Fields:
    if _get(fields, path) is None:
        return {}
    inner = fields["f:" + path[0]]
    return {"f:" + path[0]: _only(inner, path[1:]) if len(path) > 1 else inner}


def _union(one: Fields, other: Fields) -> Fields:
    """Both sets. A field that is owned as a whole in one and in parts in the other is owned in its parts."""
    return {name: _union(one.get(name, {}), other.get(name, {})) for name in {**one, **other}}


def _same(one: list[Json], other: list[Json]) -> bool:
    return len(one) == len(other) and all(each in other for each in one)
