"""The entry point of `seldonctl`: one module a subcommand, loaded only when it is asked for."""

import argparse
import sys
from collections.abc import Sequence

from seldon_core import __version__

from . import render, validate
from .errors import CommandError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0 done, 1 refused with reasons on stderr, 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except CommandError as error:
        for reason in error.reasons:
            print(reason, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seldonctl", description="Work with SeldonDeployments.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    render.register(commands)
    validate.register(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
