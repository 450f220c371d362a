"""`seldonctl render`: the objects that the controller would make for a SeldonDeployment, without a cluster."""

import argparse
import sys
from typing import Any

from seldon_core.operator import render as rendering

from . import files, manifests
from .errors import CommandError


def register(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "render",
        help="print the objects that the controller would create",
        description="Print, as YAML documents, the objects that the controller would create for each SeldonDeployment "
        "of a file. Needs no cluster. Exits with 1, and one reason a line on stderr, where the webhook would refuse. "
        "What has no effect, such as fields that no SeldonDeployment has, is named on stderr, too.",
    )
    manifests.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print everything, or raise CommandError with every reason and print nothing."""
    installation = manifests.config(arguments)
    reasons: list[str] = []
    objects: list[Any] = []
    for title, manifest in manifests.read(arguments):
        try:
            sdep = manifests.checked(title, manifest, arguments.namespace, installation)
            rendered = rendering.render(sdep, installation)
        except rendering.RenderError as error:
            reasons.append(f"{title}: {error}")
        except CommandError as error:
            reasons += error.reasons
        else:
            objects += rendered.objects
            for sentence in rendered.warnings:
                print(f"{title}: {sentence}", file=sys.stderr)
    if reasons:
        raise CommandError(*reasons)
    sys.stdout.write(files.dump(objects))
    return 0
