"""Writes the files that are made from the types in `seldon_core.api`, so that they cannot drift apart.

`python -m seldon_core.cli.generate` writes them; `--check` writes nothing and exits 1 with the names of stale ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from seldon_core import __version__
from seldon_core.api.crd import crd
from seldon_core.api.values import Values
from seldon_core.api.values_keys import known, known_keys, old
from seldon_core.api.values_obsolete import OBSOLETE
from seldon_core.api.values_schema import schema
from seldon_core.api.values_text import GENERATED, values_markdown, values_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

CHART = "charts/seldon-core-operator"
KEEP = {"helm.sh/resource-policy": "keep"}
"""Helm leaves the definition where it is when the chart goes, and every SeldonDeployment with it."""


def files() -> dict[str, str]:
    """Path in the repository to text, for each generated file."""
    defaults = yaml.safe_dump(msgspec.to_builtins(Values()), sort_keys=False, width=1000)
    definition = yaml.dump(crd(annotations=KEEP), Dumper=_PlainDumper, sort_keys=False, width=1000)
    return {
        f"{CHART}/Chart.yaml": _chart(),
        f"{CHART}/values.yaml": values_yaml(),
        f"{CHART}/values.schema.json": json.dumps(schema(), indent=2) + "\n",
        f"{CHART}/files/defaults.yaml": f"# {GENERATED}\n{defaults}",
        f"{CHART}/files/keys.yaml": f"# {GENERATED}\n{_keys()}",
        f"{CHART}/files/crd.yaml": f"# {GENERATED.replace('values_types', 'types')}\n{definition}",
        "docs/values.md": values_markdown(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the files, or with `--check` says which are stale; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m seldon_core.cli.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="root of the repository (default: here)")
    options = parser.parse_args(arguments)
    stale = {path: text for path, text in files().items() if _read(options.root / path) != text}
    if options.check and stale:
        print(f"Stale: {', '.join(stale)}. Run `python -m seldon_core.cli.generate`.", file=sys.stderr)
        return 1
    for path, text in stale.items():
        target = options.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _keys() -> str:
    """What the chart has to know of its own keys. A key with null below it may hold anything."""
    tree = {"known": known(), "old": old(), "leaves": list(known_keys()), "obsolete": list(OBSOLETE)}
    return yaml.dump(tree, Dumper=_PlainDumper, sort_keys=False, width=1000)


class _PlainDumper(yaml.SafeDumper):
    """Writes every mapping in full where the definition's versions share one: aliases are hard to review."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the base class names the argument
        return True


def _chart() -> str:
    """Chart.yaml, whose versions are the package's."""
    return f"""# {GENERATED.replace("api/values_types.py", "cli/generate.py")}
apiVersion: v2
name: seldon-core-operator
description: Controller, webhook and CustomResourceDefinition of SeldonDeployments, the Seldon Core v1 API
type: application
version: {__version__}
appVersion: {__version__}
kubeVersion: ">=1.25.0-0"
keywords:
  - machine-learning
  - model-serving
  - seldondeployment
annotations:
  artifacthub.io/license: Apache-2.0
  artifacthub.io/operator: "true"
"""


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
