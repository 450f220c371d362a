"""SKLEARN_SERVER: a scikit-learn model that joblib stored as model.joblib in its folder. Source: specification 4."""

import logging
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn
import yaml
from sklearn.exceptions import InconsistentVersionWarning

from seldon_core.microservice.errors import MicroserviceError, StartError
from seldon_core.user_model import SeldonComponent

_LOG = logging.getLogger(__name__)
_MODEL = "model.joblib"
_V2_MODEL_URI = "MLSERVER_MODEL_URI"
_METADATA = "metadata.yaml"
_OUTPUTS = ("predict", "predict_proba", "decision_function", "transform")  # of v2, the default first
_METHODS = ("predict_proba", "decision_function")  # any other value means predict, as in v1.17.1
_LISTED = 5  # names shown of a folder without a model


class SKLearnServer(SeldonComponent):
    """The parameters are `model_uri`, a folder, and `method`: predict_proba, decision_function or predict.

    With the protocol v2 the operator tells the folder as it tells MLServer, in a variable.

    `exact_linear` false lets scikit-learn evaluate linear models, too (linear.py).
    """

    batches = True  # scikit-learn's estimators answer row by row

    def __init__(self, model_uri: str = "", method: str = "predict_proba", *, exact_linear: bool = True) -> None:
        folder = model_uri or os.environ.get(_V2_MODEL_URI, "")
        if not folder:
            raise StartError(f"The parameter model_uri, or the variable {_V2_MODEL_URI}, must name the model's folder.")
        self._folder = Path(folder.removeprefix("file://"))
        self._method = method if method in _METHODS else "predict"
        if not isinstance(exact_linear, bool):
            raise StartError("The graph's parameter exact_linear is true or false, with the type BOOL.")
        self._exact_linear = exact_linear
        self._model: Any = None
        self._call: Any = None
        self._width: int | None = None

    def load(self) -> None:
        """Read the model. Raises StartError with what is wrong and what to do."""
        path = self._model_file()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", InconsistentVersionWarning)
            try:
                self._model = joblib.load(path)
            except ModuleNotFoundError as error:
                raise StartError(
                    f"{path} needs the Python package {error.name}, which this server's image does not have; "
                    "use an image that has it (graph unit's container image)."
                ) from error
            except Exception as error:
                kind = type(error).__name__
                raise StartError(
                    f"{path} cannot be read as a joblib file ({kind}); store the model with joblib.dump(model, "
                    f'"{_MODEL}"), with a scikit-learn near this server\'s {sklearn.__version__}.'
                ) from error
        self._warn(caught)
        self._call = getattr(self._model, self._method, None)
        if not callable(self._call):
            raise StartError(
                f"{path} holds a {type(self._model).__name__}, which has no method {self._method}; set the graph's "
                "parameter `method` to one that it has (predict_proba, decision_function or predict)."
            )
        width = getattr(self._model, "n_features_in_", None)
        self._width = int(width) if isinstance(width, (int, np.integer)) else None
        self._call = self._quickest(self._method, self._call)

    @property
    def quick_rows(self) -> int:
        """For how many rows `predict` takes at most 100 us; 0 where it takes longer."""
        return getattr(self._call, "quick_rows", 0)

    def _quickest(self, method: str, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The model's method, or what answers as it does to the last bit (linear.py)."""
        # Whoever stored a linear model made joblib import its package; others need not have it in memory.
        if not self._exact_linear or self._width is None or "sklearn.linear_model" not in sys.modules:
            return call
        from . import linear, proof  # here alone, for the reason above

        evaluate = linear.of(self._model, method)
        extra = {"model": type(self._model).__name__, "method": method}
        if evaluate is None:
            return call
        if not proof.holds(evaluate, call, self._width):
            _LOG.warning("linear model is evaluated by scikit-learn: numpy alone gives other bits here", extra=extra)
            return call
        _LOG.info("linear model is evaluated by numpy alone, proven to give scikit-learn's bits", extra=extra)
        return proof.Proven(evaluate, call, self._width)

    def _model_file(self) -> Path:
        if not self._folder.is_dir():
            raise StartError(
                f"The model's folder {self._folder} does not exist; it is filled from the graph's modelUri: check that "
                "the storage initializer ran, and the parameter model_uri."
            )
        path = self._folder / _MODEL
        if path.is_file():
            return path
        names = sorted(entry.name for entry in self._folder.iterdir())
        shown = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
        there = f"it holds {shown}" if names else "it is empty"
        raise StartError(
            f"{self._folder} has no file {_MODEL} ({there}); modelUri must name the folder that holds {_MODEL}."
        )

    def _warn(self, caught: list[warnings.WarningMessage]) -> None:
        """A model of another scikit-learn may answer differently: said once, in the log."""
        for entry in caught:
            if isinstance(entry.message, InconsistentVersionWarning):
                stored = entry.message.original_sklearn_version
                _LOG.warning(
                    "model was stored by another version of scikit-learn; store it again with this one",
                    extra={"stored": stored, "server": sklearn.__version__},
                )
                return

    def predict(self, X: Any, names: list[str], meta: dict[str, Any] | None = None) -> Any:  # noqa: ARG002, N803 - as inherited
        """The model's answer: one row for each of X. Raises MicroserviceError (400) for what the model cannot take."""
        if not isinstance(X, np.ndarray):
            raise MicroserviceError("The model takes data.ndarray or data.tensor, one row for each prediction.")
        return self._answer(self._call, X)

    def v2_outputs(self) -> dict[str, Callable[..., Any]]:
        """The outputs that v1.17.1's server for v2 has, as far as the model has them; `predict` is the default."""
        found = {name: getattr(self._model, name, None) for name in _OUTPUTS}
        return {name: self._output(name, call) for name, call in found.items() if callable(call)}

    def _output(self, name: str, call: Callable[[Any], Any]) -> Callable[[Any, list[str]], Any]:
        chosen = self._call if name == self._method else self._quickest(name, call)

        def output(features: Any, _names: list[str]) -> Any:
            return self._answer(chosen, features)

        output.quick_rows = getattr(chosen, "quick_rows", 0)  # type: ignore[attr-defined]  # what Batcher looks for
        return output

    def _answer(self, call: Callable[[Any], Any], rows: Any) -> Any:
        if self._width is not None and rows.ndim == 2 and rows.shape[1] != self._width:
            raise MicroserviceError(f"The model expects {self._width} features in each row, and got {rows.shape[1]}.")
        try:
            return call(rows)
        except (ValueError, TypeError) as error:
            if rows.dtype.kind in "SU" or any(isinstance(value, (str, bytes)) for value in rows.flat):
                raise MicroserviceError(f"The model expects numbers, and got the text {_text(rows)!r}.") from error
            # scikit-learn's first line is its reason; what follows is advice for programmers.
            first = str(error).strip().partition("\n")[0].rstrip(".:")
            raise MicroserviceError(f"The model cannot take this input: {first}.") from error

    def init_metadata(self) -> dict[str, Any]:
        """What metadata.yaml beside the model says; nothing where it is absent."""
        path = self._folder / _METADATA
        if not path.is_file():
            return {}
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            first = str(error).partition("\n")[0]
            raise ValueError(f"{path} cannot be read as YAML: {first}") from error
        if document is not None and not isinstance(document, dict):
            raise ValueError(f"{path} must hold a mapping with name, versions, platform, inputs, outputs")
        return document or {}


def _text(values: Any) -> str:
    """The first value that is no number, or the first of all: numbers in quotes are texts too."""
    for value in values.flat:
        try:
            float(value)
        except ValueError:
            return str(value)[:50]
    return str(values.flat[0])[:50]
