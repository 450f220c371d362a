"""The program of `fake_rclone`, copied to where the test's PATH finds it."""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

HOME = Path(__file__).resolve().parent


def main() -> int:
    """Answer as the script says, else as rclone would of the files in the store."""
    calls = HOME / "calls.jsonl"
    number = len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0
    with calls.open("a", encoding="utf-8") as stream:
        ca = os.environ.get("RCLONE_CA_CERT", "")
        trusted = "".join(Path(path).read_text(encoding="utf-8") for path in ca.split(",") if path)
        stream.write(json.dumps({"args": sys.argv[1:], "env": dict(os.environ), "ca": trusted}) + "\n")
    script = json.loads((HOME / "script.json").read_text(encoding="utf-8"))
    forced = script.get(str(number)) or script.get("*")
    return _forced(forced) if forced else _real()


def _forced(answer: dict[str, Any]) -> int:
    for line in answer.get("out", ()):
        print(line, flush=True)
    for message in answer.get("messages", ()):
        entry = {"level": "error", "msg": message, "object": answer.get("object", "")}
        print(json.dumps(entry), file=sys.stderr, flush=True)
    if answer.get("hang"):
        time.sleep(600)
    status: int = answer["status"]
    return status


def _real() -> int:
    address, *rest = sys.argv[sys.argv.index("--") + 1 :]
    path = address.removeprefix("model:")
    source = HOME / "store" / path.rstrip("/")
    if not (HOME / "store" / path.split("/")[0]).is_dir():
        return 3
    found = [(file.relative_to(source), file) for file in sorted(source.rglob("*"))]
    if source.is_file() and not path.endswith("/"):
        found = [(Path(source.name), source)]
    if sys.argv[1] == "cat":
        return _cat(found)
    if sys.argv[1] == "copy":
        for name, file in found:
            if file.is_file():
                target = Path(rest[0]) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
                _damage(str(file.relative_to(HOME / "store")), target)
                _tell_pieces(str(name), file.stat().st_size)
        return 0
    print("[")
    for name, file in found:
        if "--recursive" in sys.argv or len(name.parts) == 1:
            size = -1 if file.is_dir() else file.stat().st_size
            item: dict[str, Any] = {"Path": str(name), "Size": size, "IsDir": file.is_dir()}
            tag = _tag(str(file.relative_to(HOME / "store")))
            if (HOME / "hashes").exists() and not file.is_dir() and not tag:
                item["Hashes"] = {"md5": hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}
            print(json.dumps(item) + ",")
    print("]")
    return 0


def _tag(path: str) -> bool:
    """Log the headers of an object that has an ETag of parts, as rclone does where it is asked to."""
    tags = HOME / "tags.json"
    found = json.loads(tags.read_text(encoding="utf-8")).get(path) if tags.exists() else None
    if found and "--dump=headers" in sys.argv:
        _log("HTTP REQUEST (req 0xc0)")
        _log(f"HEAD /{quote(path)} HTTP/1.1\r\nHost: minio\r\nAuthorization: XXXX\n\r\n")
        _log("HTTP RESPONSE (req 0xc0)")
        _log(f'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nEtag: "{found[0]}"\r\n{found[1]}\r\n\r\n')
    return bool(found)


def _cat(found: list[tuple[Path, Path]]) -> int:
    """Open objects and read nothing: log their heads, with checksums where the header asks for them."""
    listed = [word.partition("=")[2] for word in sys.argv if word.startswith("--files-from-raw=")]
    chosen = Path(listed[0]).read_text(encoding="utf-8").splitlines() if listed else [str(name) for name, _ in found]
    checksums = HOME / "checksums.json"
    known = json.loads(checksums.read_text(encoding="utf-8")) if checksums.exists() else {}
    asked = "--header-download=x-amz-checksum-mode: ENABLED" in sys.argv
    for name, file in found:
        if str(name) in chosen:
            path = str(file.relative_to(HOME / "store"))
            lines = known.get(path, []) if asked else []
            _log("HTTP REQUEST (req 0xc1)")
            _log(f"GET /{quote(path)}?x-id=GetObject HTTP/1.1\r\nHost: minio\r\nAuthorization: XXXX\n\r\n")
            _log("HTTP RESPONSE (req 0xc1)")
            _log("".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", "Content-Length: 1", *lines, "")))
            print()
    return 0


def _tell_pieces(name: str, size: int) -> None:
    if "--log-level=DEBUG" not in sys.argv:
        return
    piece = next(int(word.partition("=")[2][:-1]) for word in sys.argv if word.startswith("--multi-thread-chunk-size"))
    count = -(-size // piece)
    for number in range(count):
        start, end = number * piece, min((number + 1) * piece, size)
        _log(f"multi-thread copy: chunk {number + 1}/{count} ({start}-{end}) size 1Mi finished", name)


def _damage(path: str, target: Path) -> None:
    plan = HOME / "damage.json"
    left = json.loads(plan.read_text(encoding="utf-8")) if plan.exists() else {}
    if left.get(path):
        content = bytearray(target.read_bytes())
        content[len(content) // 2] ^= left[path]
        target.write_bytes(content)
        plan.write_text(json.dumps(left | {path: left[path] - 1}), encoding="utf-8")


def _log(message: str, name: str = "") -> None:
    print(json.dumps({"level": "debug", "msg": message, "object": name}), file=sys.stderr, flush=True)


sys.exit(main())
