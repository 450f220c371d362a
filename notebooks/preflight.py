"""The first cell of each notebook: is everything there that it assumes? What is missing is one sentence, no traceback.

It lies beside the notebooks, as Jupyter finds it there.
"""  # noqa: INP001  # a module for the notebooks' own folder, no package

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable

CRD = "seldondeployments.machinelearning.seldon.io"
QUICKSTART = "scripts/quickstart brings up a cluster with all of it"
LOADING = "`scripts/images load --examples`"
WHERE_TO_GET = {
    "kubectl": "put it on PATH; scripts/quickstart has one, and says at its end how to use it",
    "helm": "put it on PATH; scripts/quickstart has one, and says at its end how to use it",
    "curl": "install it, for example with `apt-get install curl`",
    "seldonctl": "install it with `pip install '.[cli]'` in the checkout, for the Python that runs Jupyter",
}
CANNOT_CONNECT = {5, 6, 7, 28}
"""curl's exit statuses for names and ports. A gateway without any route may say nothing; it is there all the same."""
NODES_LIST_AT_MOST = 50
"""A node tells of this many images and no more, so a longer list proves nothing."""
LISTED_SECONDS = 20
"""How long a node may take to tell of an image that it was given."""


class NotReadyError(Exception):
    """Something that the notebook assumes is not there; the text says what, and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows: the sentence alone."""
        return [str(self)]


def check(*programs: str, images: Iterable[str] = ()) -> None:
    """Look for the programs, the cluster, the chart, MinIO, the gateway at `$GATEWAY`, and images that nobody can pull.

    Raises NotReadyError at the first that is missing.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise NotReadyError(f"{program} is not there: {WHERE_TO_GET[program]}.")
    _cluster()
    gateway = os.environ["GATEWAY"]
    asked = _run("curl", "--silent", "--max-time", "10", "--output", os.devnull, gateway)
    if asked.status in CANNOT_CONNECT:
        raise NotReadyError(f"Nothing answers at {gateway}: set GATEWAY to the address of your cluster's gateway.")
    for image in images:
        _image(image)
    print(f"Ready: the cluster answers, it has Seldon Core and MinIO, and its gateway is at {gateway}.")


def _cluster() -> None:
    answer = _kubectl("get", "--raw", "/readyz")
    if not answer.ok:
        said = answer.text.strip().splitlines()[-1:] or ["nothing"]
        raise NotReadyError(
            f"No cluster answers; kubectl says: {said[0]} Have a cluster, and KUBECONFIG lead to it: {QUICKSTART}, and "
            "says at its end what to set."
        )
    if not _kubectl("get", "crd", CRD).ok:
        raise NotReadyError(f"The cluster has no Seldon Core: install the chart; {QUICKSTART}.")
    if not _kubectl("get", "service", "minio", "--namespace", "minio-system").ok:
        raise NotReadyError(f"The cluster has no MinIO (Service minio in namespace minio-system): {QUICKSTART}.")


def _image(image: str) -> None:
    """Refuse an image that no registry has and no node tells of."""
    if not image.startswith("localhost/"):
        return
    deadline = time.monotonic() + LISTED_SECONDS
    while not _listed(image):
        if time.monotonic() > deadline:
            raise NotReadyError(f"No node has the image {image}: {LOADING} brings it to the quickstart's cluster.")
        time.sleep(0.5)


def _listed(image: str) -> bool:
    answer = _kubectl("get", "nodes", "--output", "json")
    told = [node["status"].get("images", []) for node in json.loads(answer.text)["items"]] if answer.ok else []
    return any(len(held) >= NODES_LIST_AT_MOST or image in str(held) for held in told)


class _Answer:
    """How a program ended, and what it said."""

    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        self.status = ended.returncode
        self.ok = ended.returncode == 0
        self.text = ended.stdout if self.ok else ended.stderr


def _kubectl(*words: str) -> _Answer:
    return _run("kubectl", "--request-timeout", "10s", *words)


def _run(*command: str) -> _Answer:
    return _Answer(subprocess.run(command, capture_output=True, text=True, check=False))
