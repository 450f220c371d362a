"""Linear models by the arithmetic that scikit-learn does, without the checks that it makes before each call.

Of a call for one row, scikit-learn 1.9 spends 0.1 to 0.5 ms on looking at its input and some microseconds on numbers.
`of` gives the second part alone: the same numpy calls on arrays of the same shapes and layouts, so that the answer is
scikit-learn's to the last bit. Which methods a model has is told by identity with scikit-learn's own functions: a
subclass with a method of its own is not taken for linear. `proof.py` holds the result against the model at load.

An evaluator gives None for rows that it leaves to the model itself: a wrong shape, NaN, infinities, other kinds of
numbers. The model then answers, or refuses them in its own words.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge, RidgeCV
from sklearn.linear_model._base import LinearClassifierMixin, LinearModel, MultiOutputLinearModel
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

Evaluator = Callable[[Any], Any]
"""From features to the answer, or to None where the model itself has to be asked."""

# ElasticNet's and Lasso's own treats sparse rows alone differently; Ridge's and RidgeCV's `predict` call LinearModel's.
_SUMS = (LinearModel._decision_function, ElasticNet._decision_function)  # noqa: SLF001 - who has it is what tells
_REGRESSIONS = (LinearModel.predict, MultiOutputLinearModel.predict, Ridge.predict, RidgeCV.predict)


def of(model: Any, method: str) -> Evaluator | None:
    """What answers as `model.method` does; None where the model is not known to be linear."""
    steps, final = _steps(model)
    if steps is None:
        return None
    make = {"predict_proba": _probabilities, "decision_function": _scores, "predict": _predictions}.get(method)
    evaluate = make(final) if make is not None else None
    width = getattr(model, "n_features_in_", None)
    if evaluate is None or not isinstance(width, int):
        return None
    return _guarded(evaluate, steps, width)


def _guarded(evaluate: Evaluator, steps: list[Evaluator], width: int) -> Evaluator:
    """The evaluator for whatever a client may send."""
    double, whole = np.dtype(np.float64), np.dtype(np.int64)
    total = np.add.reduce

    def guarded(rows: Any) -> Any:
        if type(rows) is not np.ndarray or rows.ndim != 2 or rows.shape[1] != width or not len(rows):
            return None
        if rows.dtype == whole:
            rows = rows.astype(double)
        flags = rows.flags
        if rows.dtype != double or not flags.c_contiguous or not flags.aligned:
            return None
        with np.errstate(over="ignore"):
            # A sum is finite only if all is; one that overflows sends numbers near the end of the range to the model.
            if not math.isfinite(total(rows, axis=None)):
                return None
            for step in steps:
                rows = step(rows)
                if not math.isfinite(total(rows, axis=None)):
                    return None
        return evaluate(rows)

    return guarded


def _steps(model: Any) -> tuple[list[Evaluator] | None, Any]:
    """The scalers before a model, and the model; None for steps of another kind."""
    if type(model) is not Pipeline:
        return [], model
    scalers: list[Evaluator] = []
    for _, step in model.steps[:-1]:
        if step is None or step == "passthrough":
            continue
        # An output of another form (pandas) may lie in memory in another order, and be summed in another.
        if type(step) is not StandardScaler or hasattr(step, "_sklearn_output_config"):
            return None, None
        scalers.append(_scaled(step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None))
    return scalers, model.steps[-1][1]


def _scaled(mean: Any, scale: Any) -> Evaluator:
    def scaled(rows: Any) -> Any:
        rows = rows - mean if mean is not None else rows.copy()
        if scale is not None:
            rows /= scale
        return rows

    return scaled


def _has(model: Any, method: str, *functions: Any) -> bool:
    return getattr(type(model), method, None) in functions and method not in vars(model)


def _is_double(*arrays: Any) -> bool:
    return all(np.asarray(one).dtype == np.float64 for one in arrays)


def _scores(model: Any) -> Evaluator | None:
    """As LinearClassifierMixin.decision_function."""
    if not _has(model, "decision_function", LinearClassifierMixin.decision_function):
        return None
    return _affine(model, flat=True)


def _affine(model: Any, *, flat: bool) -> Evaluator | None:
    """Rows times coefficients, plus intercepts. `flat`: one column becomes a flat array."""
    weights, intercept = model.coef_, model.intercept_
    if type(weights) is not np.ndarray or weights.ndim > 2 or not _is_double(weights, intercept):
        return None
    columns = weights.T if weights.ndim == 2 else weights
    flat = flat and weights.ndim == 2 and len(weights) == 1

    def scores(rows: Any) -> Any:
        found = rows @ columns
        found += intercept
        return found.reshape(-1) if flat else found

    return scores


def _probabilities(model: Any) -> Evaluator | None:
    """As LogisticRegression.predict_proba, alone or inside a OneVsRestClassifier."""
    if type(model) is OneVsRestClassifier:
        return _one_against_rest(model)
    scores = _scores(model)
    if scores is None or not _has(model, "predict_proba", LogisticRegression.predict_proba):
        return None
    if len(model.classes_) <= 2:
        return lambda rows: _of_two(scores(rows))
    return lambda rows: _softmax(scores(rows))


def _of_two(scores: Any) -> Any:
    probability = expit(scores, out=scores)
    return np.stack([1 - probability, probability], axis=1)


def _softmax(scores: Any) -> Any:
    scores -= np.maximum.reduce(scores, axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=1, keepdims=True)
    return scores


def _stacked(model: Any) -> Evaluator | None:
    """The scores of the models of a OneVsRestClassifier as (models, rows): one product for each, as it makes them."""
    models = model.estimators_
    if len(models) < 2 or model.label_binarizer_.y_type_ != "multiclass":
        return None
    if any(_scores(one) is None or one.coef_.shape[:-1] != (1,) or np.size(one.intercept_) != 1 for one in models):
        return None
    columns = np.stack([one.coef_ for one in models]).transpose(0, 2, 1)
    intercepts = np.array([np.ravel(one.intercept_) for one in models])[:, :, np.newaxis]
    count = len(models)

    def scores(rows: Any) -> Any:
        found = np.matmul(rows, columns)
        found += intercepts
        return found.reshape(count, -1)

    return scores


def _one_against_rest(model: Any) -> Evaluator | None:
    """As OneVsRestClassifier.predict_proba."""
    stacked = _stacked(model)
    if stacked is None:
        return None
    if not all(_has(one, "predict_proba", LogisticRegression.predict_proba) for one in model.estimators_):
        return None

    def probabilities(rows: Any) -> Any:
        scores = stacked(rows)
        found = expit(scores, out=scores).T
        sums = np.add.reduce(found, axis=1, keepdims=True)
        return np.divide(found, sums, out=found, where=sums != 0)

    return probabilities


def _predictions(model: Any) -> Evaluator | None:
    """As `predict` of linear classifiers and regressors."""
    if _has(model, "_decision_function", *_SUMS):
        return _affine(model, flat=False) if _has(model, "predict", *_REGRESSIONS) else None
    if type(model) is OneVsRestClassifier:
        return _greatest(model)
    scores = _scores(model)
    if scores is None or not _has(model, "predict", LinearClassifierMixin.predict):
        return None
    classes = model.classes_

    def predictions(rows: Any) -> Any:
        found = scores(rows)
        return classes.take((found > 0).astype(np.int64) if found.ndim == 1 else found.argmax(axis=1), axis=0)

    return predictions


def _greatest(model: Any) -> Evaluator | None:
    """As OneVsRestClassifier.predict, which compares one class after the other: scores that are no number never win."""
    stacked = _stacked(model)
    if stacked is None:
        return None
    classes = model.classes_

    def predictions(rows: Any) -> Any:
        best = np.full(len(rows), -np.inf)
        found = np.zeros(len(rows), dtype=int)
        scores = stacked(rows)
        for number in range(len(scores) - 1, -1, -1):
            np.maximum(best, scores[number], out=best)
            found[best == scores[number]] = number
        return classes[found]

    return predictions
