"""`seldonctl validate`: whether the webhook would accept a SeldonDeployment, without a cluster."""

import argparse
import sys

from seldon_core.operator.webhook.admission import judge

from . import manifests
from .errors import CommandError

_DESCRIPTION = """\
Check each SeldonDeployment of the files by the webhook's own rules. Needs no cluster. Documents of other kinds, fields
that no SeldonDeployment has, and what the webhook warns of are named on stderr; they are no reason to refuse.

exit status:
  0  all are valid
  1  one is not: stderr has one reason a line
  2  wrong usage
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    manifests.add_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing about what is valid")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or raise CommandError with every reason."""
    installation = manifests.config(arguments)
    reasons: list[str] = []
    for source in manifests.read(arguments):
        try:
            verdict = judge(manifests.loaded(source, arguments.namespace), installation)
        except CommandError as error:
            reasons += error.reasons
        else:
            reasons += (f"{source.title}: {error}" for error in verdict.errors)
            for sentence in verdict.warnings:
                print(f"{source.title}: {sentence}", file=sys.stderr)
            if not verdict.errors and not arguments.quiet:
                print(f"{source.title}: valid")
    if reasons:
        raise CommandError(*reasons)
    return 0
