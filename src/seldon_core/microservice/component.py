"""The user's class: found, made, loaded, and each of its methods ready to be called.

A method is given as many of the arguments as its signature takes. v1.17.1 called it and tried again with fewer on a
TypeError, which ran a method twice whose own code raised one. Source: specification 4 (user methods).
"""

import asyncio
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError

from . import error_handlers
from .errors import MicroserviceError, StartError


class Component:
    """One instance of the user's class. Attributes are None for what the class does not define. Raises StartError."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.name = type(instance).__name__
        self._handlers = error_handlers.of_component(instance)
        self.predict = self._method("predict", 2, ("meta",))
        self.transform_input = self._method("transform_input", 2, ("meta",))
        self.transform_output = self._method("transform_output", 2, ("meta",))
        self.route = self._method("route", 2, ("meta",))
        self.aggregate = self._method("aggregate", 2, ("metas",))
        self.send_feedback = self._method("send_feedback", 4, ("routing",))
        self.health_status = self._method("health_status", 0)
        self.tags = self._method("tags", 0)
        self.metrics = self._method("metrics", 0)
        self.init_metadata = self._method("init_metadata", 0)
        self.class_names = self._names()
        self.custom_service = self._method("custom_service", 0)
        self.v2_outputs = self._method("v2_outputs", 0)
        """For the protocol v2: from the name of each output to what computes it, from features and names."""
        self.batches = bool(getattr(instance, "batches", False)) and self._handlers is None
        """The class says that rows are independent: several requests may be answered by one call of `predict`."""

    def raw(self, name: str, endings: Sequence[str], positional: int = 1) -> Callable[..., Any] | None:
        """The method that takes the whole message: `predict_raw`, or one of the older `predict_rest`, `predict_grpc`.

        The first of the endings that the class has counts.
        """
        return next(
            (found for ending in endings if (found := self._method(f"{name}_{ending}", positional)) is not None), None
        )

    def _method(self, name: str, positional: int, keywords: tuple[str, ...] = ()) -> Callable[..., Any] | None:
        method = getattr(self.instance, name, None)
        if not callable(method) or getattr(method, "__func__", None) is getattr(SeldonComponent, name, self):
            return None
        fitted = _fitted(method, positional, keywords)
        return self._awaited(fitted) if inspect.iscoroutinefunction(method) else self._called(fitted)

    def _names(self) -> Callable[[], Any] | None:
        """Users write class_names as a method or as a plain attribute."""
        found = getattr(self.instance, "class_names", None)
        if callable(found) or found is None:
            return self._method("class_names", 0)
        return lambda: found

    def _called(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A method whose exceptions are those that an answer is made of."""

        def run(*arguments: Any, **named: Any) -> Any:
            try:
                return call(*arguments, **named)
            except Exception as error:
                if (answerable := self._answerable(error)) is error:
                    raise
                raise answerable from error

        return run

    def _awaited(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same for a coroutine function; what would end the whole server costs its own request alone."""

        async def run(*arguments: Any, **named: Any) -> Any:
            try:
                return await call(*arguments, **named)
            except SystemExit as error:
                raise RuntimeError(f"SystemExit left the component's code: {error}") from error
            except Exception as error:
                if (answerable := self._answerable(error)) is error:
                    raise
                raise answerable from error

        return run

    def _answerable(self, error: Exception) -> Exception:
        if isinstance(error, (MicroserviceError, SeldonNotImplementedError)):
            return error
        if isinstance(error, SeldonMicroserviceException):
            return MicroserviceError(error.message, error.status_code, error.reason)
        return error if self._handlers is None else self._handlers.handled(error)


def _fitted(method: Callable[..., Any], positional: int, keywords: tuple[str, ...]) -> Callable[..., Any]:
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):  # written in C: it takes what it takes
        return lambda *args, **_: method(*args[:positional])
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        own = [p for p in parameters if p.kind in plain and p.name not in keywords]
        positional = min(positional, len(own))
    names = frozenset(p.name for p in parameters)
    takes = frozenset(keywords) if inspect.Parameter.VAR_KEYWORD in kinds else names & frozenset(keywords)
    if not takes:
        return lambda *args, **_: method(*args[:positional])
    return lambda *args, **given: method(*args[:positional], **{k: v for k, v in given.items() if k in takes})


def find_class(name: str, folder: Path) -> Callable[..., Any]:
    """The class that MODULE.CLASS names, or MODULE alone for a class of the same name. Raises StartError.

    Modules in `folder` count, as they did in v1.17.1 for the working folder.
    """
    module_name, _, class_name = name.rpartition(".")
    module_name = module_name or class_name
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        where = f"in {folder} or among the installed packages"
        missing = f"; {error.name} is not installed" if error.name and not module_name.startswith(error.name) else ""
        raise StartError(f"The module {module_name} cannot be imported {where}{missing}.") from error
    except (Exception, SystemExit) as error:
        raise StartError(f"The module {module_name} cannot be imported: {reason(error)}.") from error
    found = getattr(module, class_name, None)
    if not callable(found):
        raise StartError(f"The module {module_name} has no class {class_name}; name it as MODULE.CLASS.")
    return found  # type: ignore[no-any-return]


def make(
    user_class: Callable[..., Any], arguments: dict[str, Any], wait: Callable[[Any], Any] = asyncio.run
) -> Component:
    """An instance, loaded. Slow: for a thread. `wait` runs a coroutine, of a `load` that is one. Raises StartError."""
    return load(construct(user_class, arguments), wait)


def construct(user_class: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """An instance. Raises StartError."""
    name = getattr(user_class, "__name__", str(user_class))
    try:
        signature = inspect.signature(user_class)
    except (TypeError, ValueError):
        signature = None
    if signature is not None:
        try:
            signature.bind(**arguments)
        except TypeError as error:
            raise StartError(f"{name} does not take the graph's parameters {sorted(arguments)}: {error}.") from error
    with _told(name):
        return user_class(**arguments)


def load(instance: Any, wait: Callable[[Any], Any] = asyncio.run) -> Component:
    """The component of an instance, once its model is read. As `make`."""
    with _told(type(instance).__name__):
        component = Component(instance)
        method = getattr(instance, "load", None)
        if callable(method):
            loading = method()
            if inspect.iscoroutine(loading):
                wait(loading)
    return component


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever the user's code raises is the reason for which the process ends."""
    try:
        yield
    except StartError:
        raise
    except (Exception, SystemExit) as error:
        raise StartError(f"The model cannot be loaded: {name} raised {reason(error)}.") from error


def contained(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call of the user's code for a thread, with failures that cost its own request alone.

    A future cannot carry StopIteration, and the request would wait for ever; SystemExit would end the whole server.
    """

    @functools.wraps(call)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except (StopIteration, SystemExit) as error:
            raise RuntimeError(f"{type(error).__name__} left the component's code: {error}") from error

    return run


def reason(error: BaseException) -> str:
    """An exception in one line: its kind and the first line of its text."""
    first = str(error).strip().partition("\n")[0].rstrip(".:")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
