"""Train the model and tell scikit-learn's own answers, in the environment of the system that will serve it.

    PYTHON model.py --folder FOLDER --rows ROWS.npy [ROWS.npy ...] --versions NAME [NAME ...]

A program of its own, which imports nothing but scikit-learn: a stored model belongs to the versions of scikit-learn and
numpy that stored it, and peers have theirs. It is the model of the quickstart: a logistic regression a class on iris.
Beside each rows file (requests, rows, 4) it writes answers (requests, rows, 3) into the folder under the same name.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier


def main() -> None:
    """Write model.joblib, the answers, and versions.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=Path, nargs="+", required=True)
    parser.add_argument("--versions", nargs="+", default=[])
    asked = parser.parse_args()
    data = load_iris()
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(data.data, data.target)
    asked.folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, asked.folder / "model.joblib")
    for file in asked.rows:
        rows = np.load(file)
        answers = model.predict_proba(rows.reshape(-1, rows.shape[-1]))
        np.save(asked.folder / file.name, answers.reshape(*rows.shape[:2], -1))
    versions = {"python": platform.python_version(), **{name: version(name) for name in asked.versions}}
    (asked.folder / "versions.json").write_text(json.dumps(versions))


if __name__ == "__main__":
    main()
