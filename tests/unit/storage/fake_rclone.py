"""A stand-in for the rclone program, for flows that need its process and not a store.

Beside the program lie `store/` (buckets as folders), `script.json` (answers to force, by call number) and `calls.jsonl`
(what it was called with). Listings and copies of a real store are tested in tests/integration with the real rclone.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("fake_rclone_program.py")


class FakeRclone:
    """A folder with the program, its store, and the record of its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.store.mkdir(parents=True)
        program = folder / "rclone"
        program.write_text(f"#!{sys.executable} -SE\n{_PROGRAM.read_text(encoding='utf-8')}", encoding="utf-8")
        program.chmod(0o755)
        self.answer({})

    def answer(self, script: dict[str, dict[str, Any]]) -> None:
        """Force the answers of calls, by their number from 0, or of all by "*"."""
        (self.folder / "script.json").write_text(json.dumps(script), encoding="utf-8")

    def put(self, path: str, content: bytes) -> None:
        """Store an object."""
        target = self.store / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def hash_all(self) -> None:
        """Tell digests from now on, as a store does."""
        (self.folder / "hashes").touch()

    def tag(self, path: str, etag: str, header: str = "") -> None:
        """Have an object show an ETag of parts, and another line of its headers, where these are asked for."""
        tags = self.folder / "tags.json"
        known = json.loads(tags.read_text(encoding="utf-8")) if tags.exists() else {}
        tags.write_text(json.dumps(known | {path: [etag, header]}), encoding="utf-8")

    def checksum(self, path: str, *lines: str) -> None:
        """Have an object show lines of its head to those who ask for checksums."""
        checksums = self.folder / "checksums.json"
        known = json.loads(checksums.read_text(encoding="utf-8")) if checksums.exists() else {}
        checksums.write_text(json.dumps(known | {path: lines}), encoding="utf-8")

    def damage(self, path: str, times: int) -> None:
        """Change a byte of a file in its next copies."""
        (self.folder / "damage.json").write_text(json.dumps({path: times}), encoding="utf-8")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the program was called with, oldest first: args and env."""
        try:
            lines = (self.folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def path(self) -> str:
        """Return a PATH on which this rclone comes first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"


def etag_of(content: bytes, part: int) -> str:
    """The ETag of an object that was uploaded in parts of this size."""
    pieces = [content[at : at + part] for at in range(0, len(content), part)]
    parts = b"".join(hashlib.md5(piece, usedforsecurity=False).digest() for piece in pieces)
    return f"{hashlib.md5(parts, usedforsecurity=False).hexdigest()}-{len(pieces)}"


def verified(destination: Path) -> dict[str, str]:
    """How each file was compared, as the manifest has it."""
    content = json.loads((destination / ".seldon-model.json").read_text(encoding="utf-8"))
    return {file["path"]: file["verified"] for file in content["files"]}


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a destination, without the manifest."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".seldon-model.json"
    }
