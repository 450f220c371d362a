"""The names under which the development cluster holds the images of this version."""

from __future__ import annotations

from seldon_core import __version__

REPOSITORY = "localhost/seldon-core"

EXECUTOR = f"{REPOSITORY}/executor:{__version__}"
SKLEARN_SERVER = f"{REPOSITORY}/sklearnserver:{__version__}"
RCLONE_INITIALIZER = f"{REPOSITORY}/rclone-storage-initializer:{__version__}"
KFSERVING_INITIALIZER = f"{REPOSITORY}/kfserving-storage-initializer:{__version__}"
RCLONE = f"{REPOSITORY}/rclone:{__version__}"
RCLONE_EXAMPLE = f"{REPOSITORY}/rclone-init-container-example:{__version__}"
GRAPH_EXAMPLE = f"{REPOSITORY}/graph-example:{__version__}"
