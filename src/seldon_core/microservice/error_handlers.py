"""A user's own answers to exceptions: the class attribute `model_error_handler`, a Flask blueprint.

Flask is the user's: only a class that has the attribute needs it, and its module has imported it by then. Which handler
an exception has is Flask's own decision, in an application that serves nothing else. Handlers run where the method ran;
`flask.request` holds nothing of the request. Source: v1.17.1's Python package and its page on components.
"""

from typing import Any

from seldon_core.transport.messages import Response

from . import cors
from .errors import MicroserviceError, StartError

_ATTRIBUTE = "model_error_handler"
_WRITTEN_ANEW = frozenset({"content-type", "content-length", "connection", "transfer-encoding"})


class HandledError(MicroserviceError):
    """A user's exception with the answer that its handler gave. Other protocols than REST show its status and text."""

    def __init__(self, info: str, answer: Response) -> None:
        super().__init__(info, answer.status)
        self._answer = answer

    def response(self) -> Response:
        """The handler's answer, as it is."""
        return self._answer


class ErrorHandlers:
    """The handlers of one component."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def handled(self, error: Exception) -> Exception:
        """What to raise in the place of a method's exception: itself, where it has no handler.

        A handler that fails has its own exception raised.
        """
        application = self._application
        with application.test_request_context():
            try:
                # Raised, because Flask raises on what it has no handler for.
                raise error  # noqa: TRY301
            except Exception as raised:  # noqa: BLE001 - whatever the user's method raised
                try:
                    answer = application.make_response(application.handle_user_exception(raised))
                except Exception as failure:  # noqa: BLE001 - whatever the user's handler raised
                    return failure
            headers = tuple((name, value) for name, value in answer.headers if name.lower() not in _WRITTEN_ANEW)
            body = Response(
                answer.status_code, answer.get_data(), answer.content_type or "", headers, common=cors.ANYBODY
            )
        return HandledError(str(error) or type(error).__name__, body)


def of_component(instance: Any) -> ErrorHandlers | None:
    """None where the class has no handlers. Raises StartError."""
    blueprint = getattr(instance, _ATTRIBUTE, None)
    if blueprint is None:
        return None
    where = f"{_ATTRIBUTE} of {type(instance).__name__}"
    try:
        # Inside the function: an image needs Flask only where its class does.
        import flask
    except ImportError as error:
        raise StartError(f"{where} needs Flask, which is not installed; add it to the image.") from error
    if not isinstance(blueprint, flask.Blueprint):
        raise StartError(f"{where} must be a flask.Blueprint, and is a {type(blueprint).__name__}.")
    application = flask.Flask("model")
    application.register_blueprint(blueprint)
    return ErrorHandlers(application)
