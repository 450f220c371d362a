"""SeldonDeployments of files, and the installation that they are meant for: what `render` and `validate` share."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from seldon_core.api.decode import ManifestError, load
from seldon_core.api.types import KIND, SeldonDeployment
from seldon_core.api.unknown import unknown_fields
from seldon_core.operator.render.config import ConfigError, OperatorConfig, from_values

from . import files, sources, values
from .errors import CommandError


@dataclass(frozen=True)
class Source:
    """One manifest as it was written, and how messages call it."""

    title: str
    manifest: Any


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the files and describe the installation."""
    sources.add_option(parser)
    parser.add_argument("-n", "--namespace", metavar="NS", help="of manifests that name none (default: default)")
    values.add_options(parser)


def config(arguments: argparse.Namespace) -> OperatorConfig:
    """The installation that the options describe."""
    try:
        return from_values(values.load(arguments))
    except ConfigError as error:
        raise CommandError(str(error)) from error


def read(arguments: argparse.Namespace) -> list[Source]:
    """Each SeldonDeployment of the files; raises CommandError where there is none.

    Where there are several files, titles begin with theirs.
    """
    names = sources.expand(arguments.filename, recursive=arguments.recursive)
    found = [source for name in names for source in _sources(name, prefix=f"{name}: " if len(names) > 1 else "")]
    if not found:
        these = names[0] if len(names) == 1 else f"These {len(names)} files"
        raise CommandError(f"{these}: {'holds' if len(names) == 1 else 'hold'} no {KIND}.")
    return found


def loaded(source: Source, namespace: str | None) -> SeldonDeployment:
    """The typed form of a manifest; raises CommandError where it has none.

    Fields that no SeldonDeployment has are named on stderr: they have no effect.
    """
    sdep = typed(source)
    for sentence in unknown_fields(source.manifest):
        print(f"{source.title}: {sentence}", file=sys.stderr)
    if namespace and not sdep.metadata.namespace:
        sdep = msgspec.structs.replace(sdep, metadata=msgspec.structs.replace(sdep.metadata, namespace=namespace))
    return sdep


def typed(source: Source) -> SeldonDeployment:
    """The typed form of a manifest; raises CommandError where it is none."""
    try:
        return load(source.manifest)
    except ManifestError as error:
        raise CommandError(f"{source.title}: {error}") from error


def _sources(name: str, prefix: str) -> Iterator[Source]:
    for document in files.documents(name):
        title = _title(document)
        if isinstance(document, dict) and document.get("kind") not in {None, KIND}:
            print(f"{prefix}skipped: {document['kind']}/{title}", file=sys.stderr)
        else:
            yield Source(f"{prefix}{title or name}", document)


def _title(document: Any) -> str:
    """The name of an object, or nothing."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return str(name) if name is not None else ""
