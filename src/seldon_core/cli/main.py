"""The entry point of `seldonctl`: one module a subcommand, loaded only when it is asked for.

So a command that needs no cluster starts without the Kubernetes client, and works where that is not installed.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

from seldon_core import __version__

from . import nearest
from .errors import CommandError

COMMANDS: Final[Mapping[str, str]] = {
    "render": "print the objects that the controller would create",
    "validate": "check manifests as the webhook does",
    "status": "show how SeldonDeployments are, and why where they are not well",
    "diff": "show what an apply, or new chart values, would change in the cluster",
    "rollout": "replace pods that a former controller made, or hold pods as they are",
    "migrate": "move models from kfserving's storage initializer to the rclone one",
}
"""Each a module of this room with `configure(parser)`, which sets `run`: arguments -> exit status."""

_EPILOG: Final = """\
examples:
  seldonctl validate -f models/                    are these manifests right?
  seldonctl render -f iris.yaml                    what would the controller make of it?
  seldonctl diff -f iris.yaml                      what would an apply change, and which pods would roll?
  seldonctl status iris --wait                     wait until it serves, or say why it does not

`seldonctl COMMAND --help` tells more. Guide: docs/seldonctl.md.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 done; 2 wrong usage; the rest is said in each command's help.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    error_status = 2
    try:
        arguments = _parser(words).parse_args(words)
        error_status = arguments.error_status
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except CommandError as error:
        for reason in error.reasons:
            print(reason, file=sys.stderr)
        return error_status
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seldonctl",
        description="Check and render SeldonDeployments, see how they are, and what a change would do.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), "")
    if asked and asked not in COMMANDS:
        parser.error(f"{asked} is no command{nearest.among(asked, COMMANDS)}")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name == asked:
            command.set_defaults(error_status=1)
            _module(name).configure(command)
    return parser


def _module(name: str) -> ModuleType:
    try:
        return import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __package__.partition(".")[0]:
            raise
        raise CommandError(
            f"seldonctl {name} needs the Python package {error.name}, which is not installed: "
            "pip install 'seldon-core-operator[cli]'."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
