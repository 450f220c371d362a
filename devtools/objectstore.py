"""MinIO in the cluster, with the iris artefacts in it."""

from __future__ import annotations

from . import cluster as clusters
from . import forward, images
from .paths import ROOT, cache_dir
from .progress import step
from .shell import run
from .venv import environment

NAMESPACE = "minio-system"
SERVICE = forward.Target(NAMESPACE, "svc/minio", 9000)
PLACES = ("sklearn/iris", "mymodel")
"""Where the two files of the iris model are put: below a prefix, and at a bucket's root."""
MANIFEST = ROOT / "devtools" / "manifests" / "minio.yaml"


def up(cluster: clusters.Cluster) -> None:
    """Have MinIO running in the cluster, and the iris model in its buckets. Raises CommandFailedError."""
    image = images.minio()
    clusters.load(cluster, [image])
    with step("starting MinIO"):
        cluster.kubectl(
            "apply", "--server-side", "--filename", "-", stdin=MANIFEST.read_text().replace("@IMAGE@", image)
        )
        cluster.kubectl("rollout", "status", "--namespace", NAMESPACE, "deployment/minio", "--timeout=120s")
    python = environment("iris") / "python"
    targets = ", ".join(f"s3://{place}" for place in PLACES)
    with (
        step(f"training the iris model and copying it to {targets}"),
        forward.temporary(cluster, SERVICE) as port,
    ):
        places = [word for place in PLACES for word in ("--to", place)]
        folder = str(cache_dir() / "iris")
        words = ["-m", "devtools.iris", "--folder", folder, "--endpoint", f"127.0.0.1:{port}", *places]
        run([python, *words], cwd=ROOT, timeout=300)
