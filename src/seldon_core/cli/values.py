"""Chart values from `--values` and `--set`, merged as Helm merges them."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from seldon_core.api.values import Values, ValuesError, load_values, obsolete_keys

from . import files, set_values
from .errors import CommandError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--values` and `--set`."""
    parser.add_argument(
        "--values",
        action="append",
        default=[],
        metavar="FILE",
        help="values of the chart, as for helm; may be given several times, later ones win",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one value, as for helm, such as istio.enabled=true; wins over --values. Keys: docs/values.md",
    )
    parser.add_argument(
        "--set-string",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one value that is a text although it looks like a number, such as image.tag=2",
    )


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the options say, later ones over earlier ones; a key that is set to null stays there as None.

    Keys of old releases that mean nothing any more are named on stderr. Raises CommandError where a file or an
    assignment cannot be read.
    """
    data: dict[str, Any] = {}
    for name in arguments.values:
        for document in files.documents(name):
            if not isinstance(document, dict):
                raise CommandError(f"{name}: values must be a mapping of keys.")
            data = _overlay(data, document)
    try:
        for text in arguments.set:
            data = set_values.apply(data, text)
        for text in arguments.set_string:
            data = set_values.apply(data, text, typed=False)
    except set_values.SetError as error:
        raise CommandError(str(error)) from error
    if old := obsolete_keys(data):
        print(f"These values of old releases mean nothing any more: {', '.join(old)}.", file=sys.stderr)
    return data


def load(arguments: argparse.Namespace) -> Values:
    """The values of an installation: the chart's defaults, then each file, then each assignment; later ones win."""
    try:
        return load_values(given(arguments))
    except ValuesError as error:
        raise CommandError(str(error)) from error


def _overlay(data: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged, all else is replaced. Null stays: it takes a key out of what these are laid over."""
    result = dict(data)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _overlay(below if isinstance(below, dict) else {}, value) if isinstance(value, dict) else value
    return result
