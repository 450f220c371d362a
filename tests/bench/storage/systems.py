"""What downloads a model: each as a program of its own, told the model and an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools import venv
from devtools.paths import ROOT

from .measure import Program
from .signing import presigned
from .store import ACCESS_KEY, BUCKET, SECRET_KEY, Model, Store

PLAIN, DISCARDED, OURS, RCLONE, KSERVE = "plain read", "plain read, thrown away", "ours", "rclone", "kserve-storage"
_HERE = Path(__file__).parent
_PEER = _HERE.parent / "peers" / "kserve_storage_peer.py"


@dataclass(frozen=True)
class System:
    """One row of the table. `keeps` tells that the model is there afterwards."""

    name: str
    about: str
    program: Callable[[Store, Model, Path], Program]
    versions: Callable[[Store], str]
    keeps: bool = True


def peer_python() -> Path:
    """KServe's package in an environment of its own, installed where it is not there."""
    return venv.environment("bench-kserve") / "python"


def aws_python() -> Path:
    """What uploads as the tools of AWS do, in an environment of its own."""
    return venv.environment("bench-aws") / "python"


def _environment(*more: dict[str, str]) -> dict[str, str]:
    found = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    for each in more:
        found |= each
    return found


def _keys(store: Store) -> dict[str, str]:
    """Credentials as kfserving's secrets have them."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "S3_USE_HTTPS": "0",
    }


def _uri(model: Model) -> str:
    return f"s3://{BUCKET}/{model.workload.folder}"


def _plain(store: Store, model: Model, folder: Path) -> Program:
    return _reader(store, model, folder, str(folder))


def _discarded(store: Store, model: Model, folder: Path) -> Program:
    return _reader(store, model, folder, "-")


def _reader(store: Store, model: Model, folder: Path, target: str) -> Program:
    places = {name: f"{BUCKET}/{model.workload.folder}/{name}" for name in model.sums}
    lines = [f"{name} {presigned(store.endpoint, ACCESS_KEY, SECRET_KEY, path)}" for name, path in places.items()]
    wanted = folder.with_suffix(".urls")
    wanted.write_text("\n".join(lines))
    command = [sys.executable, "-SE", str(_HERE / "plain.py"), target, str(wanted)]
    return Program(command, _environment())


def _ours(store: Store, model: Model, folder: Path) -> Program:
    command = [sys.executable, "-m", "seldon_core.storage.main", _uri(model), str(folder)]
    path = os.pathsep.join([str(store.rclone.parent), str(store.partsums.parent), os.environ["PATH"]])
    return Program(command, _environment({"PATH": path, "PYTHONPATH": str(ROOT / "src")}, _keys(store)))


def _rclone(store: Store, model: Model, folder: Path) -> Program:
    command = [str(store.rclone), "copy", f"store:{BUCKET}/{model.workload.folder}", str(folder)]
    return Program(command, _environment({"RCLONE_CONFIG": ""}, store.environment("store")))


def _kserve(store: Store, model: Model, folder: Path) -> Program:
    return Program([str(peer_python()), str(_PEER), _uri(model), str(folder)], _environment(_keys(store)))


def _output(words: Sequence[str | Path]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def _python_version(_store: Store) -> str:
    return f"Python {sys.version.split()[0]}"


def _rclone_version(store: Store) -> str:
    return _output([store.rclone, "version"]).splitlines()[0]


def _peer_version(_store: Store) -> str:
    script = (
        "from importlib.metadata import version as v; import sys; "
        "print('kserve-storage', v('kserve-storage'), 'boto3', v('boto3'), 'Python', sys.version.split()[0])"
    )
    return _output([peer_python(), "-c", script])


SYSTEMS = (
    System(
        PLAIN,
        "one GET of each object, one after the other over one connection, read in pieces of 1 MiB and written to the "
        "disk; nothing is compared",
        _plain,
        _python_version,
    ),
    System(
        DISCARDED,
        "the same without the disk: what is read is thrown away",
        _discarded,
        _python_version,
        keeps=False,
    ),
    System(
        OURS,
        "the storage initializer as its container starts it, `python3 -m seldon_core.storage.main URI FOLDER`, with "
        "its own settings: it lists, copies with rclone, compares contents and moves the model into place",
        _ours,
        lambda store: f"{_python_version(store)}, {_rclone_version(store)}",
    ),
    System(
        RCLONE,
        "`rclone copy` alone, as it comes; it compares digests where an object has an MD5 of the whole",
        _rclone,
        _rclone_version,
    ),
    System(
        KSERVE,
        "KServe's package from PyPI, `Storage.download(URI, FOLDER)`, as it comes; it compares nothing",
        _kserve,
        _peer_version,
    ),
)
