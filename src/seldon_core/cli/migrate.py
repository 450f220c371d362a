"""`seldonctl migrate storage`: from kfserving's credentials to rclone's, for every model of what is chosen."""

import argparse
import json
import sys
from collections.abc import Sequence

from seldon_core.api.values import load_values
from seldon_core.kube import Object, key_of
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import CONFIG_MAPS
from seldon_core.storage.migration import State
from seldon_core.storage.migration_plan import Plan, plan

from . import (
    cluster,
    installation,
    migrate_apply,
    migrate_record,
    migrate_rollback,
    migrate_text,
    migrate_verify,
    values,
)
from .cluster import Cluster
from .duration import seconds
from .errors import CommandError
from .migrate_read import Reader, sites
from .migrate_verify import Look

_SUMMARY = "Move what a release leaves behind to what takes its place: the plan, and with --apply the deed."
_STATUS = """\
exit status:
  0  nothing is left to do; or it is done
  1  something is left to do, needs a hand, or could not be done
  2  wrong usage, or the cluster cannot be asked
"""
_DESCRIPTION = f"""\
Move models from kfserving's storage initializer to the rclone one:
  seldonctl migrate storage [-n NS | -A] [NAME...]     the plan; nothing is written
  seldonctl migrate storage ... --verify               list each model's folder with the new credentials
  seldonctl migrate storage ... --apply [--verify]     carry it out (only if all folders can be listed)
  seldonctl migrate storage ... --rollback             undo it

Secrets get RCLONE_CONFIG_<REMOTE>_* beside their old keys, so the old initializer works on. Models that took their
credentials from a service account are pointed at its secret (envSecretRefName). What was changed is on record in the
ConfigMap seldon-storage-migration of each namespace. Values of secrets are never shown.

{_STATUS}"""
_INITIALIZER = "rclone-storage-initializer"
INSTALLATIONS = "default"
"""For `--image`: the installation's storage initializer."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what can be migrated, and its options."""
    parser.description = f"{_SUMMARY}\n\n{_STATUS}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    what = parser.add_subparsers(title="what", required=True, metavar="WHAT")
    storage = what.add_parser(
        "storage",
        help="credentials of models: from kfserving's storage initializer to the rclone one",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _configure_storage(storage)


def _configure_storage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these SeldonDeployments")
    cluster.add_options(parser, namespace="namespace to look at")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="look at all namespaces")
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("--apply", action="store_true", help="carry the plan out")
    actions.add_argument("--rollback", action="store_true", help="undo what was carried out")
    parser.add_argument(
        "--verify", action="store_true", help="list each model's folder with the new credentials, in pods of the "
        "models' namespaces that are deleted afterwards"
    )  # fmt: skip
    parser.add_argument(
        "--image", metavar="IMAGE", help="the storage initializer that the named deployments get "
        f"(storageInitializerImage): moves them before the installation; {INSTALLATIONS} takes it away again"
    )  # fmt: skip
    parser.add_argument(
        "--verify-image", metavar="IMAGE", help="the image that --verify runs (default: the "
        "rclone-storage-initializer that --image names, or that of this version)"
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=seconds, default=120.0, metavar="TIME", help="how long --verify waits for one model "
        "(default: 120s)"
    )  # fmt: skip
    values.add_options(parser)
    parser.add_argument("--controller-namespace", metavar="NS", help="where the controller is, if there are several")
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="default: text; yaml: manifests with "
        "the changes, for git"
    )  # fmt: skip
    parser.set_defaults(run=run, error_status=2)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; returns the exit status."""
    if arguments.all_namespaces and (arguments.names or arguments.namespace):
        raise CommandError("-A looks at everything: leave NAME and --namespace out, or leave -A out.")
    if arguments.image is not None and not arguments.names:
        raise CommandError(
            "--image moves single deployments: name them. All move with the value storageInitializer.image."
        )
    if arguments.rollback and (arguments.verify or arguments.image):
        raise CommandError("--rollback goes back to what was: leave --verify and --image out.")
    given = values.given(arguments)
    return cluster.run(arguments, lambda connected: _migrate(arguments, connected, given))


async def _migrate(arguments: argparse.Namespace, connected: Cluster, given: dict[str, object]) -> int:
    namespace = None if arguments.all_namespaces else connected.namespace
    if arguments.rollback:
        return await _rollback(arguments.names, connected, namespace)
    chosen = await connected.named(namespace, arguments.names)
    sdeps = {key_of(each): each for each in chosen if not each["metadata"].get("deletionTimestamp")}
    if not sdeps:
        print("There are no SeldonDeployments.", file=sys.stderr)
        return 0
    found = await _plan(arguments, connected, namespace, list(sdeps.values()), given)
    looks: list[Look] | None = None
    if arguments.verify:
        looks = await migrate_verify.look(
            connected.client, migrate_verify.candidates(found), image=_image(arguments), seconds=arguments.timeout
        )
    if arguments.output == "json":
        print(json.dumps(migrate_text.plain(found, sdeps, looks), indent=2))
    elif arguments.output == "yaml":
        sys.stdout.write(migrate_text.manifests(found, sdeps))
    else:
        sys.stdout.write(migrate_text.text(found, sdeps, looks))
    bad = [each for each in looks or () if not each.good]
    if bad and arguments.apply:
        print("Nothing is changed, because not every model's folder can be listed.", file=sys.stderr)
    if bad:
        return 1
    if arguments.apply:
        return await _apply(connected, found)
    return 0 if found.is_empty else 1


async def _plan(
    arguments: argparse.Namespace,
    connected: Cluster,
    namespace: str | None,
    sdeps: Sequence[Object],
    given: dict[str, object],
) -> Plan:
    client = connected.client
    installed = await installation.find(client, asked=arguments.controller_namespace, target=namespace)
    _, config = installed.config(None, given)
    if installed.note and not given:
        print(f"{installed.note} What counts here is predictiveUnit.defaultEnvSecretRefName.", file=sys.stderr)
    reader = Reader(client, config)
    known = [await reader.known(site) for sdep in sdeps for site in sites(sdep, config.default_env_secret)]
    image = arguments.image
    return plan(known, image="" if image == INSTALLATIONS else image)


def _image(arguments: argparse.Namespace) -> str:
    """What `--verify` runs: it needs more of an image than the model does, which any may fetch that copies."""
    if arguments.verify_image:
        return str(arguments.verify_image)
    asked = str(arguments.image or "")
    return asked if _INITIALIZER in asked.rpartition("/")[2] else load_values({}).storage_initializer.image


async def _apply(connected: Cluster, found: Plan) -> int:
    problems = await migrate_apply.apply(connected.client, found)
    for sentence in problems:
        print(sentence, file=sys.stderr)
    if found.secrets or any(each.edits for each in found.sites):
        for sentence in migrate_text.next_steps(found):
            print(sentence, file=sys.stderr)
    return 1 if problems or any(each.state is State.HAND for each in found.sites) else 0


async def _rollback(names: Sequence[str], connected: Cluster, namespace: str | None) -> int:
    selection = Selection(CONFIG_MAPS, namespace, fields=f"metadata.name={migrate_record.NAME}")
    namespaces = [each["metadata"]["namespace"] for each in (await connected.client.list(selection)).items]
    if not namespaces:
        print("No migration is on record.", file=sys.stderr)
        return 0
    problems = [
        sentence for each in namespaces for sentence in await migrate_rollback.rollback(connected.client, each, names)
    ]
    for sentence in problems:
        print(sentence, file=sys.stderr)
    return 1 if problems else 0
