"""`--set` means what it means to Helm (its documentation, "The Format and Limitations of --set")."""

from typing import Any

import pytest

from seldon_core.cli.set_values import SetError, apply


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("a.b.c=d", {"a": {"b": {"c": "d"}}}),
        ("a=1,b=true,c=false,d=null", {"a": 1, "b": True, "c": False, "d": None}),
        ("a=-7,b=0,c=007,d=1.5,e=1e3", {"a": -7, "b": 0, "c": "007", "d": "1.5", "e": "1e3"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        (r"a=one\,two", {"a": "one,two"}),
        (r"a\.b=c", {"a.b": "c"}),
        (r"nodeSelector.kubernetes\.io/role=master", {"nodeSelector": {"kubernetes.io/role": "master"}}),
        ("a={x,y,1}", {"a": ["x", "y", 1]}),
        ("a={}", {"a": []}),
        ("a={x,y},b=z", {"a": ["x", "y"], "b": "z"}),
        ("a[0].b=1,a[0].c=2,a[2]=x", {"a": [{"b": 1, "c": 2}, None, "x"]}),
        ("a[0][1]=x", {"a": [[None, "x"]]}),
        ("image=localhost:5000/x/y:1", {"image": "localhost:5000/x/y:1"}),
        ("a=9223372036854775807,b=9223372036854775808", {"a": 9223372036854775807, "b": "9223372036854775808"}),
        ("", {}),
    ],
)
def test_what_it_means(text: str, expected: dict[str, Any]) -> None:
    assert apply({}, text) == expected


def test_it_is_laid_over_what_is_there_without_changing_it() -> None:
    before = {"a": {"b": 1, "c": 2}, "l": [1, 2]}
    after = apply(before, "a.b=3,l[1]=9")

    assert after == {"a": {"b": 3, "c": 2}, "l": [1, 9]}
    assert before == {"a": {"b": 1, "c": 2}, "l": [1, 2]}


def test_what_is_no_map_is_replaced() -> None:
    assert apply({"a": "text"}, "a.b=1") == {"a": {"b": 1}}


@pytest.mark.parametrize("text", ["a", "=b", "a..b=1", "a[x]=1", "a[-1]=1", "[0]=1", "a[70000]=1", "a.=1"])
def test_what_it_cannot_mean_is_a_sentence(text: str) -> None:
    with pytest.raises(SetError, match=r"^--set "):
        apply({}, text)


def test_texts_that_look_like_numbers() -> None:
    assert apply({}, "a=1,b={true,2}", typed=False) == {"a": "1", "b": ["true", "2"]}
