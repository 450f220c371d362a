"""The webhook's answers, to what is right, to what is wrong, and to what is nonsense."""

import json
from typing import Any

import pytest

from seldon_core.operator.metrics import Metrics
from seldon_core.operator.webhook.admission import RENDERED_NODES
from seldon_core.operator.webhook.server import PATH, Webhook
from seldon_core.transport.messages import Headers
from seldon_core.transport.server import Request, Response
from tests.unit.operator.cluster import default_config, iris

CONFIG = default_config()


def post(body: bytes, *, path: str = PATH, method: str = "POST", metrics: Metrics | None = None) -> Response:
    webhook = Webhook(lambda: CONFIG, metrics or Metrics())
    return webhook.handle(Request(method=method, path=path, query=b"", headers=Headers(), body=body))


def review(obj: Any, **request: Any) -> dict[str, Any]:
    """The webhook's response to the admission of an object."""
    asked = {"uid": "123", "operation": "CREATE", "namespace": "ns", "name": "iris", "object": obj} | request
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    response = post(json.dumps(body).encode())
    assert response.status == 200
    answer: dict[str, Any] = json.loads(response.body)
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert answer["response"]["uid"] == "123"
    result: dict[str, Any] = answer["response"]
    return result


@pytest.mark.parametrize("version", ["v1", "v1alpha2", "v1alpha3"])
def test_what_is_right_is_admitted(version: str) -> None:
    sdep = iris() | {"apiVersion": f"machinelearning.seldon.io/{version}"}

    assert review(sdep) == {"uid": "123", "allowed": True}


def test_what_is_wrong_is_refused_with_path_and_name() -> None:
    refused = review(iris(modelUri=""))

    assert refused["allowed"] is False
    assert (refused["status"]["code"], refused["status"]["reason"]) == (422, "Invalid")
    assert refused["status"]["message"].startswith(
        'SeldonDeployment.machinelearning.seldon.io "iris" is invalid: spec.predictors[0].graph: '
        'Invalid value: "classifier": Predictive unit modelUri required when using standalone servers'
    )


@pytest.mark.parametrize(
    ("obj", "sentence"),
    [
        (iris() | {"spec": {"predictors": []}}, "Graph contains no predictors"),
        (iris() | {"spec": {"predictors": "none"}}, "spec.predictors: must be a list, and is a string."),
        (iris() | {"spec": None}, "spec: must be a mapping, and is missing."),
        (iris() | {"kind": "Pod"}, "is a machinelearning.seldon.io/v1 Pod, not a SeldonDeployment"),
        ([], "there is no object to validate"),
        (None, "there is no object to validate"),
        ("x", "there is no object to validate"),
        ({}, "is a None None, not a SeldonDeployment"),
        (iris() | {"metadata": None}, "metadata: must be a mapping"),
        (iris() | {"metadata": {"name": 5}}, "metadata.name"),
        (iris() | {"metadata": [1]}, "metadata: must be a mapping"),
        (iris() | {"metadata": "x"}, "metadata: must be a mapping"),
    ],
)
def test_what_is_no_seldon_deployment_is_refused_in_one_sentence(obj: Any, sentence: str) -> None:
    refused = review(obj)

    assert refused["allowed"] is False
    assert sentence in refused["status"]["message"]
    assert refused["status"]["message"].startswith('SeldonDeployment.machinelearning.seldon.io "iris" is invalid: ')


def component(**fields: Any) -> dict[str, Any]:
    """The minimal SeldonDeployment with a componentSpec."""
    sdep = iris()
    sdep["spec"]["predictors"][0]["componentSpecs"] = [{"spec": {"containers": []}} | fields]
    return sdep


@pytest.mark.parametrize(
    ("obj", "sentence"),
    [
        (
            component(spec={"containers": [{"name": "classifier", "resources": {"limits": {"cpu": "lots"}}}]}),
            '.componentSpecs[0].spec.containers[0].resources.limits.cpu: Invalid value: "lots": is no quantity',
        ),
        (iris(modelUri="pvc://"), "modelUri"),
        (
            component(hpaSpec={"maxReplicas": 0}),
            'spec.predictors[0].componentSpecs[0].hpaSpec.maxReplicas: Invalid value: "0": Must be 1 or more',
        ),
    ],
)
def test_what_fails_later_is_refused_at_once(obj: Any, sentence: str) -> None:
    refused = review(obj)

    assert refused["allowed"] is False
    assert refused["status"]["message"].startswith('SeldonDeployment.machinelearning.seldon.io "iris" is invalid: ')
    assert sentence in refused["status"]["message"]


def test_what_is_questionable_is_admitted_with_a_warning() -> None:
    answer = review(component(kedaSpec={"triggers": []}, metadata={}))

    assert answer["allowed"] is True
    (warning,) = answer["warnings"]
    assert warning.startswith("spec.predictors[0].componentSpecs[0].kedaSpec: has no effect")


def test_warnings_have_the_length_that_the_api_server_takes() -> None:
    sdep = iris()
    unit = {"implementation": "SKLEARN_SERVER", "modelUri": "x" * 400}
    sdep["spec"]["predictors"][0]["graph"]["children"] = [unit | {"name": f"n{i}"} for i in range(40)]
    warnings = review(sdep)["warnings"]

    assert max(map(len, warnings)) == 256
    assert sum(len(each.encode()) for each in warnings) <= 4096


def test_an_update_of_something_else_is_admitted_though_the_spec_is_wrong() -> None:
    """Its server may have gone from the configuration since, or an older release let it in."""
    old = iris(implementation="GONE_SERVER")
    new = iris(implementation="GONE_SERVER")
    new["metadata"]["labels"] = {"team": "a"}
    answer = review(new, operation="UPDATE", oldObject=old)

    assert answer["allowed"] is True
    assert "No entry in predictors map for GONE_SERVER" in answer["warnings"][0]
    assert review(new, operation="UPDATE", oldObject=iris())["allowed"] is False
    assert review(new, operation="CREATE", oldObject=None)["allowed"] is False
    new["metadata"]["annotations"] = {"seldon.io/rest-timeout": "x"}
    assert review(new, operation="UPDATE", oldObject=old)["allowed"] is False


def test_a_graph_too_large_to_be_rendered_meanwhile_is_judged_by_the_rules() -> None:
    sdep = iris()
    unit = {"implementation": "SKLEARN_SERVER", "modelUri": "s3://a/b"}
    sdep["spec"]["predictors"][0]["graph"]["children"] = [unit | {"name": f"n{i}"} for i in range(RENDERED_NODES)]
    assert review(sdep)["allowed"] is True
    sdep["spec"]["predictors"][0]["graph"]["children"][7]["modelUri"] = ""
    assert "modelUri required" in review(sdep)["status"]["message"]


def test_a_generated_name_is_no_missing_name() -> None:
    sdep = iris()
    sdep["metadata"] = {"generateName": "iris-", "namespace": "ns"}

    assert review(sdep, name="")["allowed"] is True


def test_an_operation_of_another_shape_is_no_crash() -> None:
    assert review(iris(modelUri=""), operation=["CREATE"])["allowed"] is True


def test_what_is_being_deleted_may_go() -> None:
    leaving = iris(modelUri="")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"

    assert review(leaving, operation="UPDATE")["allowed"] is True
    assert review(None, operation="DELETE")["allowed"] is True


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not JSON"),
        (b"{", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b"\xff\xfe", "The body is not JSON"),
        (b"[]", "The body is no AdmissionReview"),
        (b"{}", "The body is no AdmissionReview"),
        (b'{"request": {}}', "The body is no AdmissionReview"),
        (b'{"request": {"uid": 5}}', "The body is no AdmissionReview"),
    ],
)
def test_nonsense_is_answered_400(body: bytes, sentence: str) -> None:
    response = post(body)

    assert (response.status, sentence in response.body.decode()) == (400, True)


def test_other_paths_and_methods() -> None:
    assert post(b"{}", path="/").status == 404
    assert post(b"", method="GET").status == 405


def test_deep_nesting_is_refused_and_survived() -> None:
    graph: dict[str, Any] = {"name": "leaf"}
    for number in range(300):
        graph = {"name": f"n{number}", "children": [graph]}
    sdep = iris()
    sdep["spec"]["predictors"][0]["graph"] = graph

    assert review(sdep)["allowed"] is False


def test_a_fault_of_ours_is_a_refusal_and_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise RuntimeError("broken")

    webhook = Webhook(broken, Metrics())
    asked = {"uid": "1", "operation": "CREATE", "name": "iris", "object": iris()}
    body = json.dumps({"request": asked}).encode()
    answer = webhook.handle(Request(method="POST", path=PATH, query=b"", headers=Headers(), body=body))

    assert "could not be validated" in json.loads(answer.body)["response"]["status"]["message"]
    assert "broken" in caplog.text


def test_answers_are_counted() -> None:
    metrics = Metrics()
    body = json.dumps({"request": {"uid": "1", "operation": "DELETE"}}).encode()
    post(body, metrics=metrics)

    assert 'seldon_operator_admissions_total{allowed="true"} 1' in metrics.expose()
