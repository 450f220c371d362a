"""From a manifest, as a file or the API server gives it, to the typed SeldonDeployment.

The API server checks the CRD's schema before anything reaches the controller; `seldonctl` has no API server, so this
module says the same in one sentence. Fields that no version knows are dropped, as the API server prunes them, and a
null stands for a field that is not there.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from .shapes import EnvVar, PodShape
from .types import GROUP, KIND, VERSIONS, SeldonDeployment

T = TypeVar("T")

_TYPES: Final = {
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_EXPECTED: Final = re.compile(r"^Expected `(?P<want>[^`]+)`, got `(?P<got>[^`]+)`")
_MISSING: Final = re.compile(r"^Object missing required field `(?P<field>[^`]+)`")
_WHERE: Final = re.compile(r" - at `\$?(?:key in )?\.?(?P<path>[^`]*)`$")


class ManifestError(ValueError):
    """A manifest that is no SeldonDeployment. Its text is one sentence with the field's path and what belongs there."""


def load(manifest: Mapping[str, Any]) -> SeldonDeployment:
    """The typed form of a manifest of any served version. Raises ManifestError."""
    if not isinstance(manifest, Mapping):
        raise ManifestError("The manifest is not a mapping: it must start with apiVersion, kind, metadata and spec.")
    group, _, version = str(manifest.get("apiVersion", "")).partition("/")
    if manifest.get("kind") != KIND or group != GROUP or version not in VERSIONS:
        raise ManifestError(
            f"The manifest is a {manifest.get('apiVersion')} {manifest.get('kind')}, not a {KIND}: "
            f"apiVersion must be {GROUP}/{VERSIONS[0]} (or {' or '.join(VERSIONS[1:])})."
        )
    for part in ("metadata", "spec"):
        if not isinstance(manifest.get(part), Mapping):
            raise ManifestError(f"{part}: must be a mapping, and is {_kind(manifest.get(part))}.")
    sdep = _convert(_without_nulls(manifest), SeldonDeployment, "")
    if not sdep.metadata.name:
        raise ManifestError("metadata.name: is empty; a SeldonDeployment needs a name.")
    _check_pods(sdep)
    return sdep


def _check_pods(sdep: SeldonDeployment) -> None:
    """What rendering reads of pod specs has the right types; the rest of them is the API server's business."""
    for i, predictor in enumerate(sdep.spec.predictors):
        for j, component in enumerate(predictor.component_specs):
            if component.spec:
                _convert(component.spec, PodShape, f"spec.predictors[{i}].componentSpecs[{j}].spec")
        env = predictor.svc_orch_spec.env
        _convert(env, tuple[EnvVar, ...], f"spec.predictors[{i}].svcOrchSpec.env")


def _convert(value: Any, kind: type[T], path: str) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ManifestError(_sentence(str(error), path)) from error


def _sentence(text: str, path: str) -> str:
    where = _WHERE.search(text)
    inner = where["path"] if where else ""
    full = path + inner if inner.startswith("[") else ".".join(part for part in (path, inner) if part) or "manifest"
    if missing := _MISSING.match(text):
        return f"{full}.{missing['field']}: is missing and must be set."
    if expected := _EXPECTED.match(text):
        want = " or ".join(
            _TYPES.get(one.strip(), one.strip()) for one in expected["want"].split("|") if one.strip() != "null"
        )
        return f"{full}: must be {want}, and is {_TYPES.get(expected['got'], expected['got'])}."
    return f"{full}: {text[: where.start()] if where else text}."


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value]
    return value


def _kind(value: Any) -> str:
    return "missing" if value is None else f"{type(value).__name__} {value!r}"
