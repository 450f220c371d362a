"""Linear models by numpy alone: bit for bit what scikit-learn answers, or not used."""

import asyncio
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

from seldon_core.microservice.errors import MicroserviceError, StartError
from seldon_core.servers import linear, proof
from seldon_core.servers.sklearn import SKLearnServer

IRIS, CANCER, DIGITS, SUGAR = (
    load(return_X_y=True) for load in (load_iris, load_breast_cancer, load_digits, load_diabetes)
)
FLOWERS = (IRIS[0], load_iris().target_names[IRIS[1]])
TWO_TARGETS = (SUGAR[0], np.c_[SUGAR[1], 2 * SUGAR[1]])
MODELS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "three classes": (LogisticRegression(), IRIS, ("predict_proba", "decision_function", "predict")),
    "classes with names": (LogisticRegression(), FLOWERS, ("predict_proba", "predict")),
    "two classes": (LogisticRegression(), CANCER, ("predict_proba", "decision_function", "predict")),
    "many columns": (LogisticRegression(max_iter=20), DIGITS, ("predict_proba", "decision_function", "predict")),
    "one against the rest": (
        OneVsRestClassifier(LogisticRegression(solver="liblinear")),
        IRIS,
        ("predict_proba", "predict"),
    ),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), IRIS, ("predict_proba", "predict")),
    "support vectors": (LinearSVC(), IRIS, ("decision_function", "predict")),
    "ridge classifier": (RidgeClassifier(), IRIS, ("decision_function",)),
    "descent": (SGDClassifier(random_state=1), IRIS, ("decision_function", "predict")),
    "regression": (LinearRegression(), SUGAR, ("predict",)),
    "two targets": (Ridge(), TWO_TARGETS, ("predict",)),
    "elastic net": (ElasticNet(), SUGAR, ("predict",)),
    "without mean": (make_pipeline(StandardScaler(with_mean=False), "passthrough", Ridge()), SUGAR, ("predict",)),
}


def fitted(model: Any, data: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*data)


def evaluator(model: Any, method: str) -> Callable[[Any], Any]:
    found = linear.of(model, method)
    assert found is not None
    return found


@pytest.mark.parametrize("name", MODELS)
def test_same_bits_for_rows_that_the_proof_has_not_seen(name: str) -> None:
    made, data, methods = MODELS[name]
    model = fitted(made, data)
    width = data[0].shape[1]
    generator = np.random.default_rng(99)
    for method in methods:
        evaluate, call = evaluator(model, method), getattr(model, method)
        assert proof.holds(evaluate, call, width)
        for count in (1, 2, 6, 65, 333):
            rows = generator.normal(scale=5, size=(count, width)).round(1)
            before = rows.tobytes()
            got, wanted = evaluate(rows), call(rows)
            assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
            assert (got == wanted).all()
            assert rows.tobytes() == before


@pytest.mark.parametrize(
    ("made", "method"),
    [
        (RandomForestClassifier(2), "predict_proba"),
        (make_pipeline(MinMaxScaler(), LogisticRegression()), "predict_proba"),
        (make_pipeline(StandardScaler().set_output(transform="default"), LogisticRegression()), "predict_proba"),
        (OneVsRestClassifier(RandomForestClassifier(2)), "predict_proba"),
        (RidgeClassifier(), "predict"),
    ],
)
def test_other_models_are_left_alone(made: Any, method: str) -> None:
    assert linear.of(fitted(made, IRIS), method) is None


class _Sharper(LogisticRegression):
    """A user's class that looks linear."""

    def decision_function(self, X: Any) -> Any:  # noqa: N803 - as inherited
        return 2 * super().decision_function(X)


class _Doubled(LogisticRegression):
    def predict_proba(self, X: Any) -> Any:  # noqa: N803 - as inherited
        return super().predict_proba(X) ** 2


@pytest.mark.parametrize("kind", [_Sharper, _Doubled])
def test_a_method_of_the_users_own_is_not_taken_for_linear(kind: type) -> None:
    assert linear.of(fitted(kind(), IRIS), "predict_proba") is None


def test_single_precision_is_left_to_the_model() -> None:
    model = fitted(LogisticRegression(), (IRIS[0].astype(np.float32), IRIS[1]))
    assert linear.of(model, "predict_proba") is None


ROWS = IRIS[0][:5]


@pytest.mark.parametrize(
    "unusual",
    [
        ROWS[:, :3],
        ROWS[0],
        ROWS[:0],
        ROWS.astype(np.float32),
        ROWS.astype(object),
        ROWS.astype(str),
        np.asfortranarray(ROWS),
        ROWS[::2],
        np.where(ROWS > 5, np.nan, ROWS),
        np.where(ROWS > 5, np.inf, ROWS),
        np.full((2, 4), 1e308),
        ROWS.tolist(),
    ],
    ids=str,
)
def test_the_model_itself_is_asked_about_what_is_unusual(unusual: Any) -> None:
    assert evaluator(fitted(LogisticRegression(), IRIS), "predict_proba")(unusual) is None


def test_numbers_that_a_scaler_makes_infinite_are_left_to_the_model() -> None:
    model = fitted(make_pipeline(StandardScaler(), LogisticRegression()), (IRIS[0] * 1e-100, IRIS[1]))
    assert evaluator(model, "predict_proba")(np.full((1, 4), 1e250)) is None


def test_the_proof_fails_for_one_wrong_bit_and_for_answers_to_what_the_model_refuses() -> None:
    model = fitted(LogisticRegression(), IRIS)
    evaluate, call = evaluator(model, "predict_proba"), model.predict_proba

    def off(rows: Any) -> Any:
        found = evaluate(rows)
        if found is not None and len(found) == 100:
            found[99, 2] = np.nextafter(found[99, 2], 2)
        return found

    def daring(rows: Any) -> Any:
        found = evaluate(rows)
        return np.zeros((len(rows), 3)) if found is None else found

    assert proof.holds(evaluate, call, 4)
    assert not proof.holds(off, call, 4)
    assert not proof.holds(daring, call, 4)
    assert not proof.holds(lambda _: None, call, 4)


def server(folder: Path, model: Any, **more: Any) -> SKLearnServer:
    joblib.dump(model, folder / "model.joblib")
    made = SKLearnServer(str(folder), **more)
    made.load()
    return made


def test_what_is_used_is_logged_and_can_be_switched_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = fitted(LogisticRegression(), IRIS)
    caplog.set_level("INFO")
    fast = server(tmp_path, model)
    assert fast.quick_rows >= 1
    assert "linear model is evaluated by numpy alone" in caplog.text
    slow = server(tmp_path, model, exact_linear=False)
    assert slow.quick_rows == 0
    assert fast.predict(ROWS, []).tobytes() == slow.predict(ROWS, []).tobytes() == model.predict_proba(ROWS).tobytes()
    with pytest.raises(StartError, match="exact_linear is true or false"):
        SKLearnServer(str(tmp_path), exact_linear="no")  # type: ignore[arg-type]  # what a wrong type in the graph gives


@pytest.mark.parametrize(
    "refused", [ROWS[:, :3], np.where(ROWS > 5, np.nan, ROWS), np.array([["a", "b", "c", "d"]]), ROWS[0]], ids=str
)
def test_refusals_are_the_models_own(tmp_path: Path, refused: Any) -> None:
    model = fitted(LogisticRegression(), IRIS)
    said = []
    for fast in (True, False):
        with pytest.raises(MicroserviceError) as error:
            server(tmp_path, model, exact_linear=fast).predict(refused, [])
        said.append(error.value.info)
    assert said[0] == said[1]


def test_v2_outputs_are_evaluated_likewise(tmp_path: Path) -> None:
    model = fitted(LogisticRegression(), IRIS)
    outputs = server(tmp_path, model).v2_outputs()
    assert outputs.keys() == {"predict", "predict_proba", "decision_function"}
    for name, output in outputs.items():
        assert output.quick_rows >= 1  # type: ignore[attr-defined]  # what batching looks for
        assert (output(ROWS, []) == getattr(model, name)(ROWS)).all()


def test_a_model_that_no_proof_was_found_for_is_said_to_be_slow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "_softmax", lambda scores: np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))
    made = server(tmp_path, fitted(LogisticRegression(), IRIS))
    assert made.quick_rows == 0
    assert "numpy alone gives other bits here" in caplog.text
    assert asyncio.iscoroutinefunction(made.predict) is False
