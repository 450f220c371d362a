"""`seldonctl render`: the objects that the controller would make for a SeldonDeployment, without a cluster."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import KIND, SeldonDeployment
from seldon_core.api.unknown import unknown_fields
from seldon_core.api.validation import validate
from seldon_core.operator import render as rendering
from seldon_core.operator.render.config import ConfigError, OperatorConfig, from_values

from . import files, values
from .errors import CommandError


def register(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "render",
        help="print the objects that the controller would create",
        description="Print, as YAML documents, the objects that the controller would create for each SeldonDeployment "
        "of a file. Needs no cluster. Exits with 1, and one reason a line on stderr, where the webhook would refuse. "
        "Fields that no SeldonDeployment has are named on stderr, too.",
    )
    parser.add_argument("-f", "--filename", required=True, metavar="FILE", help="manifest, YAML or JSON; - is stdin")
    parser.add_argument("-n", "--namespace", help="namespace of manifests that name none (default: default)")
    parser.add_argument("--values", action="append", default=[], metavar="FILE", help="values of the chart; repeatable")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one value; repeatable")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print everything, or raise CommandError with every reason and print nothing."""
    try:
        config = from_values(values.load(arguments.values, arguments.set))
    except ConfigError as error:
        raise CommandError(str(error)) from error
    reasons: list[str] = []
    rendered: list[Any] = []
    found = [*_seldon_deployments(arguments.filename)]
    if not found:
        raise CommandError(f"{arguments.filename}: holds no {KIND}.")
    for manifest in found:
        title = _title(manifest, arguments.filename)
        try:
            sdep = load(manifest)
            for sentence in unknown_fields(manifest):
                print(f"{title}: {sentence}", file=sys.stderr)
            rendered += _objects(sdep, arguments.namespace, config)
        except ManifestError as error:
            reasons.append(f"{title}: {error}")
        except CommandError as error:
            reasons += error.reasons
    if reasons:
        raise CommandError(*reasons)
    sys.stdout.write(files.dump(rendered))
    return 0


def _seldon_deployments(name: str) -> Iterator[Any]:
    for document in files.documents(name):
        if isinstance(document, dict) and document.get("kind") not in {None, KIND}:
            print(f"skipped: {document['kind']}/{_title(document, None)}", file=sys.stderr)
        else:
            yield document


def _title(document: Any, otherwise: str | None) -> str | None:
    """The name of an object, or what else to call it."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return str(name) if name is not None else otherwise


def _objects(sdep: SeldonDeployment, namespace: str | None, config: OperatorConfig) -> tuple[Any, ...]:
    if namespace and not sdep.metadata.namespace:
        sdep = msgspec.structs.replace(sdep, metadata=msgspec.structs.replace(sdep.metadata, namespace=namespace))
    if errors := validate(sdep, config.predictor_servers):
        raise CommandError(*(f"{sdep.metadata.name}: {error}" for error in errors))
    try:
        return rendering.render(sdep, config).objects
    except rendering.RenderError as error:
        raise CommandError(f"{sdep.metadata.name}: {error}") from error
