"""MinIO as a process, with the models that are downloaded from it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import ProgramError, free_ports

ACCESS_KEY = "an-access-key"
SECRET_KEY = "a-secret-access-key"
BUCKET = "models"
_START_SECONDS = 30.0
_CHUNK = 64 * 1024 * 1024
_AWS_UPLOAD = Path(__file__).with_name("aws_upload.py")
MIB = 1024 * 1024


RCLONE, RCLONE_PLAIN, BOTO3, AWS_CLI = "rclone", "rclone without its note", "CRC32", "CRC64NVME"
"""What uploads a model: rclone, or boto3 with that checksum."""


@dataclass(frozen=True)
class Workload:
    """A model: `count` files of `size` bytes, below a folder of the bucket, uploaded with one of the above."""

    name: str
    folder: str
    count: int
    size: int
    about: str
    by: str = RCLONE

    @property
    def bytes(self) -> int:
        """Of the whole model."""
        return self.count * self.size


@dataclass(frozen=True)
class Model:
    """A workload in the store, and the digests of its files."""

    workload: Workload
    sums: dict[str, str]


@dataclass(frozen=True)
class Store:
    """A MinIO that runs. `data` is its folder."""

    endpoint: str
    data: Path
    rclone: Path
    partsums: Path
    aws_python: Path

    def environment(self, remote: str) -> dict[str, str]:
        """Return rclone's variables for a remote of that name."""
        options = {
            "TYPE": "s3",
            "PROVIDER": "Minio",
            "ENV_AUTH": "false",
            "ACCESS_KEY_ID": ACCESS_KEY,
            "SECRET_ACCESS_KEY": SECRET_KEY,
            "ENDPOINT": self.endpoint,
        }
        return {f"RCLONE_CONFIG_{remote.upper()}_{key}": value for key, value in options.items()}

    def upload(self, workload: Workload, scratch: Path) -> Model:
        """Make the model's files of random bytes and put them into the store."""
        source = scratch / workload.folder
        source.mkdir()
        sums = {}
        for number in range(workload.count):
            name = f"part-{number:05}.bin" if workload.count > 1 else "model.bin"
            sums[name] = _make(source / name, workload.size)
        self._upload(workload, source)
        for file in source.iterdir():
            file.unlink()
        return Model(workload, sums)

    def _upload(self, workload: Workload, source: Path) -> None:
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        environment = {"RCLONE_CONFIG": "", "HOME": str(source), **self.environment("store"), **keys}
        if workload.by in {BOTO3, AWS_CLI}:
            words = [self.aws_python, _AWS_UPLOAD, self.endpoint, BUCKET, workload.folder, workload.by]
            subprocess.run([*words, *sorted(source.iterdir())], env=environment, check=True)
            return
        # As the tools of AWS did before they had checksums: parts of 8 MiB, and no note of the whole file's MD5.
        plain = ["--s3-chunk-size=8Mi", "--s3-upload-cutoff=8Mi", "--s3-disable-checksum"]
        flags = plain if workload.by == RCLONE_PLAIN else []
        command = [self.rclone, "copy", *flags, "--transfers=8", source, f"store:{BUCKET}/{workload.folder}"]
        subprocess.run(command, env=environment, check=True)

    def forget(self, model: Model) -> None:
        """Give back the disk, and the memory in which the kernel keeps what lies there: the next model needs both."""
        shutil.rmtree(self.data / BUCKET / model.workload.folder)


@contextlib.contextmanager
def serve(minio: Path, rclone: Path, partsums: Path, aws_python: Path, scratch: Path) -> Iterator[Store]:
    """Run MinIO until the block ends. Raises ProgramError where it does not start."""
    (port,) = free_ports(1)
    data, log = scratch / "data", scratch / "minio.log"
    data.mkdir()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [minio, "server", "--address", f"127.0.0.1:{port}", data],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(scratch),
                "MINIO_ROOT_USER": ACCESS_KEY,
                "MINIO_ROOT_PASSWORD": SECRET_KEY,
                # Its own look through all objects would run beside the measurements.
                "MINIO_SCANNER_SPEED": "slowest",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, port, log)
        yield Store(f"http://127.0.0.1:{port}", data, rclone, partsums, aws_python)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET /minio/health/ready HTTP/1.1\r\nHost: minio\r\nConnection: close\r\n\r\n")
            if b" 200 " in connection.recv(64):
                return
        time.sleep(0.05)
    raise ProgramError("MinIO does not start", log.read_text(errors="replace")[-2000:])


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's stretches' SHA-256, made on all cores: rounds wait for it."""
    starts = range(0, max(path.stat().st_size, 1), _CHUNK)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sums = pool.map(lambda start: _of_stretch(path, start), starts)
        return hashlib.sha256(b"".join(sums)).hexdigest()


def _of_stretch(path: Path, start: int) -> bytes:
    made = hashlib.sha256()
    with path.open("rb") as stream:
        stream.seek(start)
        for _ in range(_CHUNK // MIB):
            made.update(stream.read(MIB))
    return made.digest()


def _make(path: Path, size: int) -> str:
    with path.open("wb") as out:
        for start in range(0, size, _CHUNK):
            out.write(os.urandom(min(_CHUNK, size - start)))
    return digest(path)
