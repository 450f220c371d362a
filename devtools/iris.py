"""The iris model of the tutorials: trained, stored with its metadata. Runs on what requirements/iris.txt locks."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import joblib
import yaml
from minio import Minio
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

METADATA = {
    "name": "iris",
    "versions": ["iris/v1"],
    "platform": "sklearn",
    "inputs": [
        {
            "messagetype": "tensor",
            "schema": {"names": ["sepal length", "sepal width", "petal length", "petal width"], "shape": [4]},
        }
    ],
    "outputs": [{"messagetype": "tensor", "schema": {"shape": [3]}}],
}
"""What `GET /api/v1.0/metadata/classifier` answers."""


def train() -> bytes:
    """Return model.joblib: a logistic regression a class, on scikit-learn's own data; 4 features, 3 classes."""
    data = load_iris()
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(data.data, data.target)
    stored = io.BytesIO()
    joblib.dump(model, stored)
    return stored.getvalue()


def upload(client: Minio, bucket: str, prefix: str, files: dict[str, bytes]) -> None:
    """Put files under a prefix of a bucket, which is made where it is missing."""
    if not client.bucket_exists(bucket):
        client.make_bucket(bucket)
    for name, content in files.items():
        client.put_object(bucket, f"{prefix}{name}", io.BytesIO(content), len(content))


def main() -> None:
    """Train the model, keep it in a folder, and copy it into an object store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where model.joblib and metadata.yaml are kept")
    parser.add_argument("--endpoint", required=True, help="host:port of the object store")
    parser.add_argument("--access-key", default="minioadmin")
    parser.add_argument("--secret-key", default="minioadmin")
    parser.add_argument(
        "--to", action="append", required=True, metavar="BUCKET[/PREFIX]", help="where to copy the two files"
    )
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    model, metadata = asked.folder / "model.joblib", asked.folder / "metadata.yaml"
    if not model.exists():
        model.write_bytes(train())
    metadata.write_text(yaml.safe_dump(METADATA, sort_keys=False))
    client = Minio(asked.endpoint, asked.access_key, asked.secret_key, secure=False)
    for place in asked.to:
        bucket, _, prefix = place.partition("/")
        upload(
            client,
            bucket,
            f"{prefix.rstrip('/')}/" if prefix else "",
            {f.name: f.read_bytes() for f in (model, metadata)},
        )


if __name__ == "__main__":
    main()
