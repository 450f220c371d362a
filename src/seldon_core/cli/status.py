"""`seldonctl status`: a first look at SeldonDeployments, with the real reason where one is not well."""

import argparse
import json
import sys
from collections.abc import Sequence

import msgspec

from seldon_core.kube import Object, key_of

from . import cluster, files, status_text, waiting
from .cluster import Cluster
from .duration import seconds
from .errors import CommandError
from .report import Report, Verdict, read, report_of

_DESCRIPTION = """\
Show SeldonDeployments: state, available and wanted pods, whether the controller has seen the newest version, address;
and the real reason where one is not well. With a NAME, or -o wide, also the graph of each predictor.

exit status:
  0  all are Available and ready
  1  one is not: it fails, or is not there yet
  2  wrong usage, or the cluster cannot be asked
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    cluster.add_options(parser, namespace="namespace to look at")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="look at all namespaces")
    parser.add_argument("-o", "--output", choices=("wide", "json", "yaml"), help="another form (default: a table)")
    parser.add_argument(
        "--wait", action="store_true", help="wait until all are Available and ready; end at once where one fails"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=120.0, metavar="TIME", help="how long --wait waits, such as 90s or 5m "
        "(default: 120s)"
    )  # fmt: skip
    parser.set_defaults(run=run, error_status=2)


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for; returns the exit status."""
    if arguments.all_namespaces and (arguments.names or arguments.namespace):
        raise CommandError("-A looks at everything: leave NAME and --namespace out, or leave -A out.")
    return cluster.run(arguments, lambda connected: _status(arguments, connected))


async def _status(arguments: argparse.Namespace, connected: Cluster) -> int:
    namespace = None if arguments.all_namespaces else connected.namespace
    chosen = await connected.named(namespace, arguments.names)
    timed_out = False
    if arguments.wait:
        if not chosen:
            raise CommandError(f"{_nothing(namespace)} There is nothing to wait for.")
        timed_out = not await _wait(arguments, connected, namespace, chosen)
        chosen = await connected.named(namespace, [each["metadata"]["name"] for each in chosen] if namespace else ())
    reports, missing = await read(connected.client, chosen, namespace)
    _print(arguments, reports, namespace)
    for sentence in missing:
        print(sentence, file=sys.stderr)
    if timed_out and any(each.verdict is not Verdict.READY for each in reports):
        print(f"Not ready after {arguments.timeout:g} s (--timeout waits longer).", file=sys.stderr)
    return 0 if all(each.verdict is Verdict.READY for each in reports) else 1


async def _wait(
    arguments: argparse.Namespace, connected: Cluster, namespace: str | None, chosen: Sequence[Object]
) -> bool:
    said: dict[str, str] = {}

    def tell(sdep: Object) -> None:
        line = status_text.one_line(report_of(sdep))
        if said.get(sdep["metadata"]["uid"]) != line:
            said[sdep["metadata"]["uid"]] = line
            print(line, file=sys.stderr, flush=True)

    keys = [key_of(each) for each in chosen]
    try:
        return await waiting.wait(connected.client, keys, namespace, seconds=arguments.timeout, tell=tell)
    except waiting.GoneError as error:
        raise CommandError(f"SeldonDeployment {error} was deleted while it was waited for.") from error


def _print(arguments: argparse.Namespace, reports: Sequence[Report], namespace: str | None) -> None:
    if arguments.output in {"json", "yaml"}:
        plain = {"items": [{**msgspec.to_builtins(each), "reason": each.reason} for each in reports]}
        sys.stdout.write(json.dumps(plain, indent=2) + "\n" if arguments.output == "json" else files.dump([plain]))
    elif not reports:
        print(_nothing(namespace), file=sys.stderr)
    else:
        wide = arguments.output == "wide"
        sys.stdout.write(
            status_text.text(reports, namespaces=namespace is None, wide=wide, graphs=wide or bool(arguments.names))
        )


def _nothing(namespace: str | None) -> str:
    return f"No SeldonDeployments in namespace {namespace} (-A looks at all)." if namespace else "No SeldonDeployments."
