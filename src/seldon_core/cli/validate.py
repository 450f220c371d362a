"""`seldonctl validate`: whether the webhook would accept a SeldonDeployment, without a cluster."""

import argparse
from typing import Any

from . import manifests
from .errors import CommandError


def register(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "validate",
        help="check manifests as the webhook does",
        description="Check each SeldonDeployment of a file by the webhook's own rules. Needs no cluster. Prints "
        "nothing and exits with 0, or exits with 1 and one reason a line on stderr. Documents of other kinds, and "
        "fields that no SeldonDeployment has, are named on stderr; they are no reason to refuse.",
    )
    manifests.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or raise CommandError with every reason."""
    installation = manifests.config(arguments)
    reasons: list[str] = []
    for title, manifest in manifests.read(arguments):
        try:
            manifests.checked(title, manifest, arguments.namespace, installation)
        except CommandError as error:
            reasons += error.reasons
    if reasons:
        raise CommandError(*reasons)
    return 0
