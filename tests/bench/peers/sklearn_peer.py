"""A class for seldon-core 1.17.1's wrapper that serves model.joblib as the sklearnserver of that release does.

It is imported in the peer's own environment. Source: specification 4 (SKLEARN_SERVER).
"""

import joblib

from seldon_core.user_model import SeldonComponent


class SKLearnPeer(SeldonComponent):
    """`model_uri` is a folder that holds model.joblib."""

    def __init__(self, model_uri: str) -> None:
        super().__init__()
        self._folder = model_uri
        self._model = None

    def load(self) -> None:
        """Called once in each worker process."""
        self._model = joblib.load(f"{self._folder}/model.joblib")

    def predict(self, X, names, meta=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG002, N803 - the signature that the wrapper calls
        """Probabilities, a row for each of X."""
        return self._model.predict_proba(X)  # type: ignore[attr-defined]
