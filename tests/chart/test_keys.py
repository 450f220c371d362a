"""Names of values, judged by a template: Helm says the same sentence as the controller, with either version of Helm."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from seldon_core.api.values import ValuesError, known_keys, load_values

from .helm import CHART, HELM, HELM4, HelmFailed, copy_chart, render_chart, run_helm

if TYPE_CHECKING:
    from pathlib import Path


def at(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    result: dict[str, Any] = value
    return result


REFUSED = {
    "exector.mode": "did you mean executor.mode?",
    "executor.mod": "did you mean executor.mode?",
    "storageInitialiser.image": "did you mean storageInitializer.image?",
    "manager.httpPort": "did you mean predictiveUnit.httpPort?",
    "webhook.prot": "did you mean webhook.port?",
    "engine.prot": "Keys: ambassador, certManager,",
    "executor.grpc.zz": "Keys of executor: fullHealthChecks, image,",
    "predictor_servers.MINE.protocol.seldon.image": "did you mean predictor_servers.MINE.protocols.seldon.image?",
    "predictor_servers.MINE.protocols.seldon.tag": "Keys of predictor_servers.MINE.protocols.seldon: defaultImage",
}


def typos(count: int) -> list[str]:
    """Known keys with a slip each: a letter lost, doubled, exchanged or of another case. The same in every run."""
    dice = random.Random(1)  # noqa: S311  # no secret
    made: list[str] = []
    keys = sorted(known_keys())
    while len(made) < count:
        parts = dice.choice(keys).split(".")
        place = dice.randrange(len(parts))
        name, letter = parts[place], dice.randrange(len(parts[place]))
        slips = (
            name[:letter] + name[letter + 1 :],
            name[:letter] + name[letter] + name[letter:],
            name[:letter] + dice.choice(string.ascii_letters) + name[letter + 1 :],
            name.swapcase(),
        )
        parts[place] = dice.choice(slips)
        made.append(".".join(parts))
    return made


def said(values: dict[str, Any]) -> str | None:
    try:
        load_values(values)
    except ValuesError as error:
        return str(error)
    return None


@pytest.mark.parametrize("program", [HELM, HELM4])
@pytest.mark.parametrize("path", REFUSED)
def test_an_unknown_key_is_refused_with_the_nearest_one(path: str, program: str) -> None:
    with pytest.raises(HelmFailed) as caught:
        render_chart(at(path, "x"), program=program)

    assert f"Unknown value {path}" in str(caught.value)
    assert REFUSED[path] in str(caught.value)
    assert str(said(at(path, "x"))) in str(caught.value)


@pytest.mark.parametrize("path", typos(25))
def test_helm_and_the_controller_say_the_same_of_a_slip(path: str) -> None:
    expected = said(at(path, {}))
    if expected is None:
        render_chart(at(path, {}))
        return

    with pytest.raises(HelmFailed) as caught:
        render_chart(at(path, {}))

    assert expected in str(caught.value)


TOGETHER = {
    "webhook.port and metrics.port are both 4443: give one of them another port.": {"metrics": {"port": 4443}},
    "storageInitializer.caBundle: configMapName and secretName are both given: leave one of them empty.": {
        "storageInitializer": {"caBundle": {"configMapName": "a", "secretName": "b"}}
    },
}


@pytest.mark.parametrize("program", [HELM, HELM4])
@pytest.mark.parametrize("sentence", TOGETHER)
def test_values_that_do_not_go_together_are_one_sentence(program: str, sentence: str) -> None:
    values = TOGETHER[sentence]

    with pytest.raises(HelmFailed) as caught:
        render_chart(values, program=program)

    assert sentence in str(caught.value)
    assert said(values) == sentence


@pytest.mark.parametrize("program", [HELM, HELM4])
def test_lint_refuses_it_too(program: str) -> None:
    # Linting goes on after `fail`.
    with pytest.raises(HelmFailed, match="1 chart\\(s\\) failed"):
        run_helm(["lint", str(CHART), "--strict", "--set", "exector.mode=x"], program=program)


@pytest.mark.parametrize("program", [HELM, HELM4])
def test_skipping_the_schema_does_not_skip_the_names(program: str) -> None:
    with pytest.raises(HelmFailed, match=r"did you mean executor\.mode"):
        run_helm(["template", "x", str(CHART), "--skip-schema-validation", "--set", "exector.mode=x"], program=program)


@pytest.mark.parametrize("values", [at("zz", None), at("executor.zz", None), at("global.of.another", 1)])
def test_what_is_not_given_or_another_charts_is_no_slip(values: dict[str, Any]) -> None:
    render_chart(values)

    assert said(values) is None


def test_a_chart_that_depends_on_this_one_may_switch_it_on(tmp_path: Path) -> None:
    # `condition: seldon-core-operator.enabled` in its Chart.yaml leaves that key among our values.
    parent = tmp_path / "parent"
    parent.mkdir()
    dependency = {"name": "seldon-core-operator", "version": "*", "condition": "seldon-core-operator.enabled"}
    chart = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(chart), encoding="utf-8")
    (parent / "charts").mkdir()
    copy_chart(parent / "charts")

    rendered = render_chart({"seldon-core-operator": {"enabled": True, "executor": {"port": 8001}}}, chart=parent)

    values = yaml.safe_load(rendered.one("ConfigMap", "seldon-operator-values")["data"]["values.yaml"])
    assert load_values(values, merged=True).executor.port == 8001
    with pytest.raises(HelmFailed, match="Unknown value enabled"):
        render_chart({"enabled": True})
