"""Chart values from `--values` and `--set`, merged as Helm merges them."""

from collections.abc import Sequence
from typing import Any

from seldon_core.api.values import Values, ValuesError, load_values, merge

from . import files, set_values
from .errors import CommandError


def load(value_files: Sequence[str], assignments: Sequence[str]) -> Values:
    """The values of an installation: the chart's defaults, then each file, then each assignment; later ones win."""
    data: dict[str, Any] = {}
    for name in value_files:
        for document in files.documents(name):
            if not isinstance(document, dict):
                raise CommandError(f"{name}: values must be a mapping of keys.")
            data = merge(data, document)
    try:
        for text in assignments:
            data = set_values.apply(data, text)
        return load_values(data)
    except (set_values.SetError, ValuesError) as error:
        raise CommandError(str(error)) from error
