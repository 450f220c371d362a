"""Exceptions that a user's class answers itself: a Flask blueprint, and the package's own exception."""
# ruff: noqa: ARG002, N802, N803, N805, N818 - the documentation's example, which must work as it is written

import json
from typing import Any, ClassVar

import flask
import pytest
from flask import jsonify

from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.microservice import component
from seldon_core.microservice.errors import StartError
from seldon_core.proto import prediction_pb2
from seldon_core.transport.rpc import RpcError, Status
from seldon_core.user_model import SeldonComponent
from tests.unit.microservice.stand import serving

pytestmark = pytest.mark.asyncio


class UserCustomException(Exception):
    status_code = 404

    def __init__(self, message: str, application_error_code: int, http_status_code: int | None) -> None:
        Exception.__init__(self)
        self.message = message
        if http_status_code is not None:
            self.status_code = http_status_code
        self.application_error_code = application_error_code

    def to_dict(self) -> dict[str, Any]:
        return {
            "status": {"status": self.status_code, "message": self.message, "app_code": self.application_error_code}
        }


class Documented:
    """The field is used to register custom exceptions."""

    model_error_handler = flask.Blueprint("error_handlers", __name__)

    @model_error_handler.app_errorhandler(UserCustomException)
    def handleCustomError(error: Any) -> Any:
        response = jsonify(error.to_dict())
        response.status_code = error.status_code
        response.headers["X-Why"] = "a test"
        return response

    @model_error_handler.app_errorhandler(KeyError)
    def broken(error: Any) -> Any:
        raise ValueError("the handler failed")

    def predict(self, X: Any, features_names: Any, **kwargs: Any) -> Any:
        raise {
            "own": UserCustomException("Test-Error-Msg", 1402, 402),
            "key": KeyError("k"),
            "other": RuntimeError("boom"),
            "type": TypeError("no"),
        }[X]

    async def transform_input(self, X: Any, names: Any) -> Any:
        raise UserCustomException("later", 1, 409)

    def health_status(self) -> Any:
        raise UserCustomException("ill", 2, 503)


async def test_the_documented_example_answers_its_own_exception() -> None:
    async with serving(Documented) as client:
        answer = await client.post("/predict", {"strData": "own"})
        assert answer.status == 402
        assert json.loads(answer.body) == {"status": {"status": 402, "message": "Test-Error-Msg", "app_code": 1402}}
        assert answer.headers.get("content-type") == "application/json"
        assert answer.headers.get("x-why") == "a test"
        assert (await client.post("/transform-input", {"strData": ""})).status == 409
        assert (await client.ask("GET", "/health/status")).status == 503


@pytest.mark.parametrize(("sent", "info"), [("other", "boom"), ("type", "no"), ("key", "the handler failed")])
async def test_what_has_no_handler_or_a_broken_one_is_answered_as_ever(sent: str, info: str) -> None:
    async with serving(Documented) as client:
        answer = await client.post("/predict", {"strData": sent})
        assert answer.status == 500
        assert json.loads(answer.body)["status"]["info"] == info
        assert json.loads(answer.body)["status"]["reason"] == "MICROSERVICE_INTERNAL_ERROR"


async def test_handlers_are_for_rest_and_other_ways_show_the_status_and_the_text() -> None:
    async with serving(Documented) as client:
        with pytest.raises(RpcError) as caught:
            await client.rpc("Model/Predict", prediction_pb2.SeldonMessage(strData="own"))
        assert caught.value.status is Status.UNKNOWN
        assert caught.value.text == "Exception calling application: UserCustomException"
        tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "data": ["own"]}
        answer = await client.post("/v2/models/classifier/infer", {"inputs": [tensor]})
        assert answer.status == 500  # an array is no key of the class's own table


@pytest.mark.parametrize(
    ("handler", "says"), [("a text", "must be a flask.Blueprint, and is a str"), ({}, "is a dict")]
)
async def test_what_is_no_blueprint_ends_the_start_with_one_sentence(handler: Any, says: str) -> None:
    class Wrong:
        model_error_handler = handler

    with pytest.raises(StartError, match=says):
        component.make(Wrong, {})


async def test_a_class_that_answers_its_own_exceptions_is_asked_for_one_request_at_a_time() -> None:
    class Joining(Documented):
        batches = True

    assert component.make(Joining, {}).batches is False


async def test_the_package_s_own_exception_has_a_status_and_a_reason() -> None:
    """Without Flask: the plain way to an answer of one's own."""

    class Plain:
        errors: ClassVar[dict[str, Exception]] = {
            "given": SeldonMicroserviceException("too small", status_code=422, reason="BAD_PICTURE"),
            "plain": SeldonMicroserviceException("too dark"),
        }

        def predict(self, X: Any, names: Any) -> Any:
            raise self.errors[X]

    async with serving(Plain) as client:
        answer = await client.post("/predict", {"strData": "given"})
        assert (answer.status, json.loads(answer.body)) == (422, Plain.errors["given"].to_dict())  # type: ignore[attr-defined]
        answer = await client.post("/predict", {"strData": "plain"})
        assert answer.status == 400
        assert json.loads(answer.body)["status"]["reason"] == "MICROSERVICE_BAD_DATA"
        with pytest.raises(RpcError, match="too small"):
            await client.rpc("Model/Predict", prediction_pb2.SeldonMessage(strData="given"))


async def test_a_class_may_hand_its_parameters_to_the_base_class() -> None:
    class Child(SeldonComponent):
        def __init__(self, **parameters: Any) -> None:
            super().__init__(**parameters)
            self.parameters = parameters

    assert component.make(Child, {"a": 1}).instance.parameters == {"a": 1}
