"""What holds for the routes of every gateway: who is reached, by how much, and in which order objects are applied."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.operator.render import ROUTE_ANNOTATION, ObjectKey, Rendered, RenderError, render
from seldon_core.operator.render.config import from_values

from .conftest import manifest
from .routes import predictor

ALL = {
    "istio": {"enabled": True},
    "ambassador": {"enabled": True, "singleNamespace": True},
    "gateway": {"enabled": True},
}
CONFIGS = {
    "objects": from_values(load_values(ALL)),
    "annotations": from_values(load_values({"ambassador": ALL["ambassador"] | {"version": "v1"}})),
}
WHOLE = 100
SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")

predictor_names = st.from_regex(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)


@st.composite
def deployments(draw: Any) -> dict[str, Any]:
    """One to three predictors that share the requests, perhaps a shadow among them, perhaps with explainers."""
    names = draw(st.lists(predictor_names, min_size=1, max_size=4, unique=True))
    serving = names[: max(1, len(names) - draw(st.integers(0, 1)))]
    cuts = sorted(draw(st.integers(0, WHOLE)) for _ in serving[1:])
    shares = [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    if len(serving) == 1 and draw(st.booleans()):
        shares = [0]
    predictors = [predictor(name, share, **_extras(draw, name)) for name, share in zip(serving, shares, strict=True)]
    for name in names[len(serving) :][:1]:
        shadow = predictor(name, draw(st.integers(0, WHOLE)), shadow=True)
        predictors.insert(draw(st.integers(0, len(predictors))), shadow)
    name = draw(predictor_names)
    return manifest(*predictors, metadata={"name": name}, annotations=draw(st.sampled_from(ANNOTATIONS)))


ANNOTATIONS: list[dict[str, str]] = [
    {},
    {"seldon.io/rest-timeout": "400000", "seldon.io/ambassador-retries": "2", "seldon.io/istio-retries": "3"},
    {"seldon.io/engine-separate-pod": "true"},
]


def _extras(draw: Any, name: str) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if draw(st.booleans()):
        extras["explainer"] = {"type": "AnchorTabular", "modelUri": "s3://b/e"}
    if draw(st.booleans()):
        extras["annotations"] = {"seldon.io/svc-name": f"svc-{name}"}
    if draw(st.booleans()):
        extras["ssl"] = {"certSecretName": "cert"}
    return extras


def rendered(given_manifest: dict[str, Any], config: str) -> Rendered | None:
    """What is rendered; None for the rare names of which two objects would get one, which is refused."""
    try:
        return render(load(given_manifest), CONFIGS[config])
    except RenderError as error:
        if "would be" not in str(error):
            raise
        return None


Destination = tuple[str, str, int, int | None, bool]
"""Rule, Service, port, weight, and whether it only gets copies; whatever its gateway calls that."""


def destinations(result: Rendered) -> Iterator[Destination]:
    for item in result.objects:
        match item["kind"]:
            case "VirtualService":
                yield from _of_istio(item)
            case "HTTPRoute" | "GRPCRoute":
                yield from _of_gateway(item)
            case "Mapping":
                yield _of_ambassador(item["spec"])
            case "Service":
                text = item["metadata"].get("annotations", {}).get(ROUTE_ANNOTATION, "")
                yield from (_of_ambassador(d) for d in yaml.safe_load_all(text) if d and d["kind"] == "Mapping")


def _of_istio(item: dict[str, Any]) -> Iterator[Destination]:
    for index, rule in enumerate(item["spec"]["http"]):
        targets = [(r["destination"], r.get("weight"), False) for r in rule["route"]]
        targets += [(rule["mirror"], None, True)] if "mirror" in rule else []
        for target, weight, copies in targets:
            service = target["host"].removesuffix(".ns.svc.cluster.local")
            yield f"{item['metadata']['name']}/{index}", service, target["port"]["number"], weight, copies


def _of_gateway(item: dict[str, Any]) -> Iterator[Destination]:
    name = f"{item['kind']}/{item['metadata']['name']}"
    (rule,) = item["spec"]["rules"]
    for target in rule["backendRefs"]:
        yield name, target["name"], target["port"], target["weight"], False
    for found in rule.get("filters", ()):
        if mirror := found.get("requestMirror"):
            yield name, mirror["backendRef"]["name"], mirror["backendRef"]["port"], None, True


def _of_ambassador(spec: dict[str, Any]) -> tuple[str, str, int, int | None, bool]:
    service, _, port = spec["service"].partition(".ns:")
    rule = f"Mapping {spec['prefix']} {spec.get('headers')}"
    return rule, service, int(port), spec.get("weight"), spec.get("shadow", False)


@pytest.mark.parametrize("config", CONFIGS)
@settings(max_examples=60, deadline=None)
@given(deployments())
def test_every_route_leads_to_a_port_of_a_service_that_is_there(config: str, one: dict[str, Any]) -> None:
    if result := rendered(one, config):
        ports = {
            (item["metadata"]["name"], port["port"])
            for item in result.objects
            if item["kind"] == "Service"
            for port in item["spec"]["ports"]
        }
        reached = {(service, port) for _, service, port, _, _ in destinations(result)}
        assert reached
        assert reached <= ports


@pytest.mark.parametrize("config", CONFIGS)
@settings(max_examples=60, deadline=None)
@given(deployments())
def test_weights_sum_to_100_and_a_shadow_only_gets_copies(config: str, one: dict[str, Any]) -> None:
    if result := rendered(one, config):
        shadows = {
            item["metadata"]["name"]
            for item in result.objects
            if item["kind"] == "Service" and "-explainer" not in item["metadata"]["name"]
            for entry in one["spec"]["predictors"]
            if entry.get("shadow") and item["metadata"]["name"] == f"{one['metadata']['name']}-{entry['name']}"
        }
        rules: dict[str, list[int | None]] = {}
        for rule, service, _, weight, copies in destinations(result):
            assert copies == (service in shadows)
            if not copies:
                rules.setdefault(rule, []).append(weight)
        for rule, weights in rules.items():
            given_weights = [weight for weight in weights if weight is not None]
            if rule.startswith("Mapping") and len(weights) > 1:
                assert len(given_weights) == len(weights) - 1, "the first one gets what is left"
                assert 0 <= sum(given_weights) <= WHOLE
            else:
                assert len(weights) == 1 or sum(given_weights) == WHOLE, rule


@settings(max_examples=60, deadline=None)
@given(deployments())
def test_every_subset_and_context_that_a_route_names_is_there(one: dict[str, Any]) -> None:
    if result := rendered(one, "objects"):
        subsets = {
            (item["spec"]["host"], subset["name"])
            for item in result.objects
            if item["kind"] == "DestinationRule"
            for subset in item["spec"]["subsets"]
        }
        contexts = {item["metadata"]["name"] for item in result.objects if item["kind"] == "TLSContext"}
        for item in result.objects:
            if item["kind"] == "VirtualService":
                for rule in item["spec"]["http"]:
                    targets = [r["destination"] for r in rule["route"]] + [r for r in [rule.get("mirror")] if r]
                    assert {(target["host"], target["subset"]) for target in targets} <= subsets
            if item["kind"] == "Mapping" and "tls" in item["spec"]:
                assert item["spec"]["tls"] in contexts


@settings(max_examples=60, deadline=None)
@given(deployments())
def test_routes_come_last_are_named_and_have_legal_names(one: dict[str, Any]) -> None:
    if result := rendered(one, "objects"):
        last = result.objects[-len(result.routes) :]
        assert result.routes == tuple(
            ObjectKey(item["apiVersion"], item["kind"], "ns", item["metadata"]["name"]) for item in last
        )
        first = {item["kind"] for item in result.objects[: -len(result.routes)]}
        assert first & {key.kind for key in result.routes} == set()
        assert all(SUBDOMAIN.match(key.name) and len(key.name) <= 253 for key in result.routes)
        assert len(set(result.routes)) == len(result.routes)


def test_an_installation_without_a_gateway_has_no_routes() -> None:
    result = render(load(manifest(predictor("p"))), from_values(load_values({})))

    assert result.routes == ()
    assert not [o for o in result.objects if ROUTE_ANNOTATION in o["metadata"].get("annotations", {})]
