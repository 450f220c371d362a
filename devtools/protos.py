"""Python of the wire contracts: `python -m devtools.protos` writes `src/seldon_core/proto/**/*_pb2.py` and `.pyi` anew.

Needs grpcio-tools (the dependency group `unit` has it), which nothing else does: what it writes is checked in.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .paths import ROOT
from .shell import run

SOURCE = ROOT / "src"
FOLDER = SOURCE / "seldon_core" / "proto"
CONTRACTS = (
    "seldon_core/proto/prediction.proto",
    "seldon_core/proto/inference.proto",
    "seldon_core/proto/serving.proto",
    "seldon_core/proto/health.proto",
    "seldon_core/proto/reflection.proto",
    "tensorflow/core/framework/tensor.proto",
)
_OWN_POOL = frozenset({"health_pb2.py", "reflection_pb2.py"})
"""A user's class may bring grpcio's modules of the same messages along: two definitions cannot share a pool."""
_TENSORS = {
    # In a process with TensorFlow its own module is used, so the choice stands between.
    "from tensorflow.core.framework import tensor_pb2 as": "from seldon_core.proto.tensors import tensor_pb2 as",
}


def generated() -> dict[Path, str]:
    """Compile all contracts: from each file's place in the checkout to the text that belongs there."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        run(
            [
                sys.executable,
                *("-m", "grpc_tools.protoc"),
                *(f"--proto_path={SOURCE}", f"--proto_path={FOLDER}"),
                *(f"--python_out={out}", f"--pyi_out={out}"),
                *CONTRACTS,
            ],
            cwd=SOURCE,
            timeout=60,
        )
        return {_place(path.relative_to(out)): _adapted(path) for path in sorted(out.rglob("*_pb2.py*"))}


def _place(path: Path) -> Path:
    return SOURCE / path if path.parts[0] == "seldon_core" else FOLDER / path


def _adapted(path: Path) -> str:
    text = path.read_text()
    for old, new in _TENSORS.items():
        text = text.replace(old, new)
    return text.replace("pool.Default()", "pool.DescriptorPool()") if path.name in _OWN_POOL else text


def main() -> int:
    """Write what differs."""
    for path, text in generated().items():
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
