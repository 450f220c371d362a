"""`seldonctl render`: the objects that the controller would make for a SeldonDeployment, without a cluster."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from seldon_core.api.validation import validate
from seldon_core.operator import render as rendering

from . import files, manifests
from .errors import CommandError

_DESCRIPTION = """\
Print the objects that the controller would create for each SeldonDeployment of the files. Needs no cluster; so it does
not know which credentials service accounts carry (seldonctl diff does). What has no effect, such as a field that no
SeldonDeployment has, is named on stderr.

exit status:
  0  done
  1  the webhook would refuse one: nothing is printed, and stderr has one reason a line
  2  wrong usage
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    manifests.add_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("yaml", "json", "name"),
        default="yaml",
        help="YAML documents (default), one JSON List, or the names alone",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print everything, or raise CommandError with every reason and print nothing."""
    installation = manifests.config(arguments)
    reasons: list[str] = []
    objects: list[Any] = []
    for source in manifests.read(arguments):
        try:
            sdep = manifests.loaded(source, arguments.namespace)
            errors = [str(error) for error in validate(sdep, installation.predictor_servers)]
            rendered = None if errors else rendering.render(sdep, installation)
        except rendering.RenderError as error:
            reasons.append(f"{source.title}: {error}")
        except CommandError as error:
            reasons += error.reasons
        else:
            reasons += (f"{source.title}: {error}" for error in errors)
            objects += rendered.objects if rendered else ()
            for sentence in rendered.warnings if rendered else ():
                print(f"{source.title}: {sentence}", file=sys.stderr)
    if reasons:
        raise CommandError(*reasons)
    sys.stdout.write(_text(objects, arguments.output))
    return 0


def _text(objects: Sequence[Any], form: str) -> str:
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2, ensure_ascii=False) + "\n"
    if form == "name":
        return "".join(f"{each['kind'].lower()}/{each['metadata']['name']}\n" for each in objects)
    return files.dump(objects)
