"""Finding, making and calling users' classes; and the parameters they are made with."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

from pathlib import Path
from typing import Any

import pytest

from seldon_core.microservice import component, parameters
from seldon_core.microservice.component import Component, find_class, make
from seldon_core.microservice.errors import StartError
from seldon_core.user_model import SeldonComponent


def test_parameters_have_their_types() -> None:
    text = """[{"name": "i", "value": "3", "type": "INT"}, {"name": "f", "value": "1.5", "type": "FLOAT"},
               {"name": "d", "value": "2", "type": "DOUBLE"}, {"name": "s", "value": "x", "type": "STRING"},
               {"name": "t", "value": "True", "type": "BOOL"}, {"name": "n", "value": "false", "type": "BOOL"}]"""
    assert parameters.parse(text) == {"i": 3, "f": 1.5, "d": 2.0, "s": "x", "t": True, "n": False}
    assert parameters.parse("") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("{}", "no JSON list"),
        ("[1]", "not an object"),
        ('[{"name": "a", "value": "x", "type": "INT"}]', "the parameter a has the value 'x', which is no INT"),
        ('[{"name": "a", "value": "perhaps", "type": "BOOL"}]', "no BOOL"),
        ('[{"name": "a", "value": "1", "type": "LONG"}]', "unknown type 'LONG'"),
    ],
)
def test_bad_parameters(text: str, says: str) -> None:
    with pytest.raises(StartError, match=r"^MICROSERVICE_BAD_PARAMETER: ") as caught:
        parameters.parse(text)
    assert says in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(component.sys, "path", [*component.sys.path])
    (tmp_path / "UserModelOne.py").write_text("class UserModelOne:\n    pass\nclass Other:\n    pass\n")
    (tmp_path / "user_broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "user_raises.py").write_text("raise ValueError('at import\\nmore')\n")
    return tmp_path


@pytest.mark.parametrize("name", ["UserModelOne", "UserModelOne.Other", "UserModelOne.UserModelOne"])
def test_classes_are_found_in_the_working_folder(folder: Path, name: str) -> None:
    assert getattr(find_class(name, folder), "__name__", "") == name.rpartition(".")[2]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Nowhere", "The module Nowhere cannot be imported in "),
        ("UserModelOne.Nobody", "The module UserModelOne has no class Nobody"),
        ("user_broken.X", "nothing_of_this_name is not installed"),
        ("user_raises.X", "ValueError: at import"),
    ],
)
def test_classes_that_are_not_found(folder: Path, name: str, says: str) -> None:
    with pytest.raises(StartError) as caught:
        find_class(name, folder)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


class Failing:
    def __init__(self, size: int = 1) -> None:
        if size > 1:
            raise ValueError("too large")

    def load(self) -> None:
        raise OSError("disk is gone\nsecond line")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"nope": 1}, r"Failing does not take the graph's parameters \['nope'\]"),
        ({"size": 2}, "Failing raised ValueError: too large"),
        ({}, "Failing raised OSError: disk is gone"),
    ],
)
def test_components_that_cannot_be_made(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(StartError, match=says) as caught:
        make(Failing, arguments)
    assert "\n" not in str(caught.value)


class One:
    def predict(self, X: Any) -> Any:
        return (X,)


class Two:
    def predict(self, X: Any, features_names: Any) -> Any:
        return (X, features_names)


class WithMeta:
    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return (X, names, meta)


class Anything:
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return (*args, kwargs["meta"])


class Defaulted:
    def predict(self, X: Any, names: Any = None, extra: Any = 7) -> Any:
        return (X, names, extra)


@pytest.mark.parametrize(
    ("user_class", "got"),
    [
        (One, ("x",)),
        (Two, ("x", ["n"])),
        (WithMeta, ("x", ["n"], {"m": 1})),
        (Anything, ("x", ["n"], {"m": 1})),
        (Defaulted, ("x", ["n"], 7)),
    ],
)
def test_methods_are_given_what_they_take(user_class: type, got: Any) -> None:
    call = Component(user_class()).predict
    assert call is not None
    assert call("x", ["n"], meta={"m": 1}) == got


def test_inherited_methods_are_not_the_user_s() -> None:
    class Mine(SeldonComponent):
        def route(self, features: Any, feature_names: list[str]) -> int:
            return 2

    made = Component(Mine())
    assert made.route is not None
    assert made.route("x", []) == 2
    assert [made.predict, made.tags, made.metrics, made.class_names, made.health_status] == [None] * 5


def test_class_names_may_be_an_attribute() -> None:
    class Mine:
        class_names = ("a", "b")

    names = Component(Mine()).class_names
    assert names is not None
    assert list(names()) == ["a", "b"]
