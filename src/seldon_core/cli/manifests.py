"""SeldonDeployments of a file, with the installation that they are meant for: what `render` and `validate` share."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import KIND, SeldonDeployment
from seldon_core.api.unknown import unknown_fields
from seldon_core.api.validation import validate
from seldon_core.operator.render.config import ConfigError, OperatorConfig, from_values

from . import files, values
from .errors import CommandError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the file and describe the installation."""
    parser.add_argument("-f", "--filename", required=True, metavar="FILE", help="manifest, YAML or JSON; - is stdin")
    parser.add_argument("-n", "--namespace", help="namespace of manifests that name none (default: default)")
    parser.add_argument("--values", action="append", default=[], metavar="FILE", help="values of the chart; repeatable")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one value; repeatable")


def config(arguments: argparse.Namespace) -> OperatorConfig:
    """The installation that the options describe."""
    try:
        return from_values(values.load(arguments.values, arguments.set))
    except ConfigError as error:
        raise CommandError(str(error)) from error


def read(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    """Each SeldonDeployment of the file with a title for messages; raises CommandError where there is none."""
    found = [(_title(manifest, arguments.filename), manifest) for manifest in _documents(arguments.filename)]
    if not found:
        raise CommandError(f"{arguments.filename}: holds no {KIND}.")
    return found


def checked(title: str, manifest: Any, namespace: str | None, installation: OperatorConfig) -> SeldonDeployment:
    """The typed form of a manifest that the webhook would accept; raises CommandError with all its reasons.

    Fields that no SeldonDeployment has are named on stderr: they have no effect.
    """
    try:
        sdep = load(manifest)
    except ManifestError as error:
        raise CommandError(f"{title}: {error}") from error
    for sentence in unknown_fields(manifest):
        print(f"{title}: {sentence}", file=sys.stderr)
    if namespace and not sdep.metadata.namespace:
        sdep = msgspec.structs.replace(sdep, metadata=msgspec.structs.replace(sdep.metadata, namespace=namespace))
    if errors := validate(sdep, installation.predictor_servers):
        raise CommandError(*(f"{sdep.metadata.name}: {error}" for error in errors))
    return sdep


def _documents(name: str) -> Iterator[Any]:
    for document in files.documents(name):
        if isinstance(document, dict) and document.get("kind") not in {None, KIND}:
            print(f"skipped: {document['kind']}/{_title(document, '')}", file=sys.stderr)
        else:
            yield document


def _title(document: Any, otherwise: str) -> str:
    """The name of an object, or what else to call it."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return str(name) if name is not None else otherwise
