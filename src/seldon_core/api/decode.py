"""From a manifest, as a file or the API server gives it, to the typed SeldonDeployment.

The API server checks the CRD's schema before anything reaches the controller; `seldonctl` has no API server, so this
module says the same in one sentence. Fields that no version knows are dropped, as the API server prunes them (`unknown`
names them), and a null stands for a field that is not there.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from .shapes import ContainerShape, EnvVar, HpaShape, PodShape, TriggersShape
from .types import GROUP, KIND, MAX_GRAPH_DEPTH, VERSIONS, SeldonDeployment

T = TypeVar("T")

_TYPES: Final = {
    "int": "a whole number",
    "float": "a number with a fraction",
    "str": "a string",
    "bool": "true or false",
    "date": "a date",
    "datetime": "a time",
    "array": "a list",
    "object": "a mapping",
}
_UNQUOTED: Final = frozenset({"int", "float", "bool", "date", "datetime"})
_EXPECTED: Final = re.compile(r"^Expected `(?P<want>[^`]+)`, got `(?P<got>[^`]+)`")
_BOUND: Final = re.compile(r"^Expected `int` (?P<sign>>=|<=) (?P<bound>-?\d+)")
_MISSING: Final = re.compile(r"^Object missing required field `(?P<field>[^`]+)`")
_API_VERSIONS: Final = tuple(f"{GROUP}/{version}" for version in VERSIONS)
_WHERE: Final = re.compile(r" - at `\$?(?:key in )?\.?(?P<path>[^`]*)`$")


class ManifestError(ValueError):
    """A manifest that is no SeldonDeployment. Its text is one sentence with the field's path and what belongs there."""


def load(manifest: Mapping[str, Any]) -> SeldonDeployment:
    """The typed form of a manifest of any served version. Raises ManifestError."""
    if not isinstance(manifest, Mapping):
        raise ManifestError("The manifest is not a mapping: it must start with apiVersion, kind, metadata and spec.")
    kind, api_version = manifest.get("kind"), manifest.get("apiVersion")
    if kind != KIND:
        raise ManifestError(
            f"The manifest is a {api_version} {kind}, not a {KIND}: "
            f"it must say kind: {KIND} and apiVersion: {_API_VERSIONS[0]}."
        )
    if api_version not in _API_VERSIONS:
        raise ManifestError(
            f"apiVersion: must be {_API_VERSIONS[0]} (or {' or '.join(VERSIONS[1:])}), and is {_kind(api_version)}."
        )
    for part in ("metadata", "spec"):
        if not isinstance(manifest.get(part), Mapping):
            raise ManifestError(f"{part}: must be a mapping, and is {_kind(manifest.get(part))}.")
    _check_depth(manifest["spec"])
    try:
        plain = _without_nulls(manifest)
    except RecursionError as error:
        raise ManifestError("The manifest is nested too deeply to be read.") from error
    sdep = _convert(plain, SeldonDeployment, "")
    if not sdep.metadata.name:
        raise ManifestError("metadata.name: is empty; a SeldonDeployment needs a name.")
    _check_shapes(sdep)
    return sdep


def _check_depth(spec: Mapping[str, Any]) -> None:
    """The definition's schema ends at this depth: the API server would drop what is below it, without a word."""
    for i, graph in enumerate(_graphs(spec)):
        level, depth = [graph], 0
        while level and depth <= MAX_GRAPH_DEPTH:
            level = [child for node in level for child in _items(node, "children")]
            depth += 1
        if level:
            raise ManifestError(
                f"spec.predictors[{i}].graph: is nested deeper than {MAX_GRAPH_DEPTH} children of children; "
                "make it flatter."
            )


def _graphs(spec: Mapping[str, Any]) -> Iterator[Any]:
    for predictor in _items(spec, "predictors"):
        yield predictor.get("graph") if isinstance(predictor, Mapping) else None


def _items(node: Any, field: str) -> list[Any]:
    items = node.get(field) if isinstance(node, Mapping) else None
    return items if isinstance(items, list) else []


def _check_shapes(sdep: SeldonDeployment) -> None:
    """What rendering reads of Kubernetes' own types is right; the rest of them is the API server's business."""
    for i, predictor in enumerate(sdep.spec.predictors):
        for j, component in enumerate(predictor.component_specs):
            at = f"spec.predictors[{i}].componentSpecs[{j}]"
            if component.spec:
                _convert(component.spec, PodShape, f"{at}.spec")
            if component.hpa_spec is not None:
                _convert(component.hpa_spec, HpaShape, f"{at}.hpaSpec")
            if component.keda_spec is not None:
                _convert(component.keda_spec, TriggersShape, f"{at}.kedaSpec")
        if predictor.explainer and predictor.explainer.container_spec:
            path = f"spec.predictors[{i}].explainer.containerSpec"
            _convert(predictor.explainer.container_spec, ContainerShape, path)
        env = predictor.svc_orch_spec.env
        _convert(env, tuple[EnvVar, ...], f"spec.predictors[{i}].svcOrchSpec.env")


def _convert(value: Any, kind: type[T], path: str) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ManifestError(_sentence(str(error), path, value)) from error


def _sentence(text: str, path: str, value: Any) -> str:
    where = _WHERE.search(text)
    inner = where["path"] if where else ""
    expected = _EXPECTED.match(text)
    if expected and "[...]" in inner:
        inner = _with_key(inner, value, expected["got"])
    full = path + inner if inner.startswith("[") else ".".join(part for part in (path, inner) if part) or "manifest"
    if missing := _MISSING.match(text):
        return f"{full}.{missing['field']}: is missing and must be set."
    if expected:
        want = " or ".join(
            _TYPES.get(one.strip(), one.strip()) for one in expected["want"].split("|") if one.strip() != "null"
        )
        advice = "; put it in quotes" if want == _TYPES["str"] and expected["got"] in _UNQUOTED else ""
        return f"{full}: must be {want}, and is {_TYPES.get(expected['got'], expected['got'])}{advice}."
    if bound := _BOUND.match(text):
        most = "at least" if bound["sign"] == ">=" else "at most"
        return f"{full}: must be a whole number of {most} {bound['bound']}."
    return f"{full}: {text[: where.start()] if where else text}."


def _with_key(path: str, value: Any, got: str) -> str:
    """The path with the key of the free mapping that is meant: the decoder writes `[...]` for it."""
    before, _, after = path.partition("[...]")
    node = value
    for step in re.findall(r"[^.\[\]]+", before):
        node = node[int(step)] if isinstance(node, list) else node[step]
    python = {"array": "list", "object": "dict"}.get(got, got)
    key = next((key for key, item in node.items() if type(item).__name__ == python), "[...]")
    return f'{before}["{key}"]{after}'


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value]
    return value


def _kind(value: Any) -> str:
    return "missing" if value is None else repr(value)
