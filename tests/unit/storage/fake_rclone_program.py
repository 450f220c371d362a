"""The program of `fake_rclone`, copied to where the test's PATH finds it."""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent


def main() -> int:
    """Answer as the script says, else as rclone would of the files in the store."""
    calls = HOME / "calls.jsonl"
    number = len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0
    with calls.open("a", encoding="utf-8") as stream:
        ca = os.environ.get("RCLONE_CA_CERT", "")
        trusted = Path(ca).read_text(encoding="utf-8") if ca else ""
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
    if sys.argv[1] == "copy":
        for name, file in found:
            if file.is_file():
                target = Path(rest[0]) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        return 0
    print("[")
    for name, file in found:
        if "--recursive" in sys.argv or len(name.parts) == 1:
            size = -1 if file.is_dir() else file.stat().st_size
            item: dict[str, Any] = {"Path": str(name), "Size": size, "IsDir": file.is_dir()}
            if (HOME / "hashes").exists() and not file.is_dir():
                item["Hashes"] = {"md5": hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}
            print(json.dumps(item) + ",")
    print("]")
    return 0


sys.exit(main())
