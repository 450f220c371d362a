"""The initializer as a process beside stores that are processes: quick, and all faults are at hand."""

import contextlib
import dataclasses
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seldon_core.storage.errors import ExitCode
from tests.integration.controlplane import die_with_parent, until

ROOT = Path(__file__).parents[3]
START_SECONDS = 30.0
# Longer than the slowest case, a store that never answers.
_END_SECONDS = 60.0
MANIFEST = ".seldon-model.json"

IRIS = {
    "model.joblib": bytes(range(256)) * 40,
    "metadata.yaml": b"name: iris\n",
    "empty": b"",
    "nested/deep/weights.bin": b"weights",
    "nested/with space & ünïcode.txt": b"odd name",
}
"""The model of most tests; `FILES` has it below `sklearn/iris`, beside a sibling whose name begins alike."""
FILES = {f"sklearn/iris/{path}": content for path, content in IRIS.items()} | {
    "sklearn/iris2/model.joblib": b"the neighbour's model",
    "mymodel/model.joblib": b"root model",
}
PARTS = bytes(range(251)) * 26_000
"""6.2 MiB, stored in two parts."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended. `files` are the SHA-256 of what lies in the destination, without our manifest."""

    status: int
    output: str
    message: str
    files: Mapping[str, str]
    environment: Mapping[str, str]

    def assert_whole(self, files: Mapping[str, bytes] = IRIS) -> None:
        """The model is there, nothing else is, and nobody complained."""
        assert self.status == ExitCode.OK, (self.message, self.output)
        assert self.files == {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        assert self.message == ""
        self._assert_discreet()

    def assert_told(self, code: ExitCode, text: str) -> None:
        """One line says it, on stderr and in the termination message, and no file is left behind."""
        assert self.status == code, (self.message, self.output)
        assert text in self.message, self.message
        assert self.message.startswith("storage: ")
        assert self.message.isprintable()
        assert self.output.endswith(f"{self.message}\n")
        assert self.files == {}
        self._assert_discreet()

    def _assert_discreet(self) -> None:
        secret = ("KEY", "SECRET", "TOKEN", "SAS", "CREDENTIALS", "HEADERS", "CONNECTION_STRING")
        for name, value in self.environment.items():
            if name.endswith(secret) and "KEY_ID" not in name and not name.endswith("FILE") and len(value) > 3:
                assert value not in self.output, name


@dataclasses.dataclass(frozen=True)
class Fetcher:
    """Runs the initializer with a destination of its own; `folder` holds it and the termination message.

    `more` are folders with programs of its image, beside rclone's.
    """

    folder: Path
    rclone: Path
    more: Sequence[str] = ()

    @property
    def destination(self) -> Path:
        """Where the model goes."""
        return self.folder / "models"

    def verified(self) -> dict[str, str]:
        """How each file was compared, as the manifest has it."""
        content = json.loads((self.destination / MANIFEST).read_text(encoding="utf-8"))
        return {file["path"]: file["verified"] for file in content["files"]}

    def command(
        self, uri: str, env: Mapping[str, str], *, destination: Path | None = None
    ) -> tuple[list[str], dict[str, str]]:
        """What is run in which environment: with its programs and nothing else of this process's environment."""
        self.destination.mkdir(exist_ok=True)
        self._log.write_text("", encoding="utf-8")
        given = {
            "PATH": os.pathsep.join([str(self.rclone.parent), *self.more, "/usr/bin", "/bin"]),
            "PYTHONPATH": str(ROOT / "src"),
            "SELDON_TERMINATION_LOG": str(self._log),
            "LANG": "C.UTF-8",
            **env,
        }
        return [sys.executable, "-m", "seldon_core.storage.main", uri, str(destination or self.destination)], given

    def start(self, uri: str, env: Mapping[str, str], *, destination: Path | None = None) -> "subprocess.Popen[str]":
        """Start it."""
        command, given = self.command(uri, env, destination=destination)
        return subprocess.Popen(
            command,
            env=given,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            preexec_fn=die_with_parent,  # noqa: PLW1509  # one call of the kernel, no lock is taken
        )

    def run(self, uri: str, env: Mapping[str, str], *, destination: Path | None = None) -> Outcome:
        """Run it to its end."""
        process = self.start(uri, env, destination=destination)
        try:
            output, _ = process.communicate(timeout=_END_SECONDS)
        finally:
            process.kill()
        return self.outcome(process.returncode, output, env, destination)

    def outcome(
        self, status: int, output: str, env: Mapping[str, str] | None = None, destination: Path | None = None
    ) -> Outcome:
        """What a run that ended left."""
        place = destination or self.destination
        files = {
            str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in place.rglob("*")
            if path.is_file() and path.name != MANIFEST
        }
        return Outcome(status, output, self._log.read_text(encoding="utf-8"), files, dict(env or {}))

    @property
    def _log(self) -> Path:
        return self.folder / "termination-log"


@contextlib.contextmanager
def process(
    command: Sequence[str | Path], port: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a store until the block ends; entered once it listens."""
    with log.open("wb") as stream:
        running = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, **(env or {})},
            stdout=stream,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # one call of the kernel, no lock is taken
        )
    try:
        until(lambda: _listens(running, port, log), START_SECONDS, lambda: log.read_text(errors="replace")[-2000:])
        yield
    finally:
        running.terminate()
        running.wait(10)


def _listens(running: "subprocess.Popen[bytes]", port: int, log: Path) -> bool:
    assert running.poll() is None, log.read_text(errors="replace")[-2000:]
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def upload(
    rclone: Path,
    folder: Path,
    files: Mapping[str, bytes],
    remote: Mapping[str, str],
    env: Mapping[str, str] | None = None,
) -> None:
    """Put files, `bucket/key` to content, into a store that rclone's options describe."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    options = {f"RCLONE_CONFIG_STORE_{key.upper()}": value for key, value in remote.items()}
    for bucket in {path.partition("/")[0] for path in files}:
        subprocess.run(
            [rclone, "copy", "--retries=1", "--low-level-retries=1", folder / bucket, f"store:{bucket}"],
            env={"RCLONE_CONFIG": "", "HOME": str(folder), **options, **(env or {})},
            check=True,
        )
