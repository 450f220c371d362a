"""Find the remote that a model URI means, among every place where people keep credentials.

Order: RCLONE_CONFIG_<REMOTE>_* of the environment over the section of a mounted rclone.conf (as rclone itself merges
them), then kfserving's variables, then the pod's own identity or nobody.
"""

import configparser
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from . import azure, kfserving
from .errors import ExitCode, StorageError
from .flags import tls_flags
from .remote import AZURE, GCS, S3, Remote, fix_provider, guess_provider
from .uri import ModelUri
from .web import web_remotes

DEFAULT_CONFIG_FILE = "/config/rclone/rclone.conf"
# Names under which one kind of store is looked for, the URI's own first: a private "gcs" was the known way around
# upstream's built-in anonymous "gs".
_FAMILIES = {
    S3: ("s3", "minio"),
    GCS: ("gs", "gcs"),
    AZURE: ("az", "azureblob"),
}
_TYPE_ALIASES = {"gcs": GCS, "gs": GCS, "azure": AZURE, "az": AZURE, "minio": S3, "aws": S3}
# "local" reads this container's files, and the others can be wrapped around it; options that name a program run it.
_REFUSED_TYPES = frozenset(
    {"local", "alias", "union", "combine", "memory", "archive", "cache", "chunker", "compress", "crypt", "hasher"}
)
_REFUSED_OPTION = re.compile(r"(_command|^command|^ssh|_helper|sdk_log_mode)$")

Options = dict[str, str]


def resolve(uri: ModelUri, env: Mapping[str, str]) -> tuple[Remote, ...]:
    """Return the ways to reach the URI's store, to be tried in order while the store says "denied".

    Empty for a mounted claim, which needs none. Raises StorageError(CONFIG) when a remote is not defined, is defined
    halfway, or is of a kind that is not allowed; the text names the secret's keys.
    """
    if not uri.remote:
        return ()
    if uri.is_web:
        return web_remotes(uri, env)
    kind = _kind(uri)
    sections = _config_file(env)
    for name in names_of(uri):
        options = sections.get(name, {}) | _from_env(name, env)
        if options:
            return (_rclone_remote(name, kind, options, uri, env, in_file=name in sections),)
    if kind == S3:
        _check_not_meant(uri, sections, env)
        return kfserving.s3_remotes(uri.remote, env)
    if kind == GCS:
        return kfserving.gcs_remotes(uri.remote, env)
    if kind == AZURE:
        return azure.remotes(uri, env)
    raise _undefined(uri, {*sections, *_names_in_env(env)})


def names_of(uri: ModelUri) -> tuple[str, ...]:
    """The remotes under whose names credentials of the URI's store are looked for, its own first."""
    return (uri.remote, *(name for name in _FAMILIES.get(_kind(uri), ()) if name != uri.remote))


def _kind(uri: ModelUri) -> str:
    """The type of the store that a scheme means; empty for a remote with a name of its own."""
    return next((kind for kind, names in _FAMILIES.items() if uri.remote in names), "")


def _check_not_meant(uri: ModelUri, sections: Mapping[str, Options], env: Mapping[str, str]) -> None:
    """Refuse `s3://` where the only S3 credentials at hand are those of a remote with another name.

    Without this the public cloud would be asked for somebody's private bucket, and its answer would lead nobody to the
    name that differs.
    """
    if env.get("AWS_ACCESS_KEY_ID"):
        return
    remotes = {name: sections.get(name, {}) | _from_env(name, env) for name in {*sections, *_names_in_env(env)}}
    of_s3 = sorted(name for name, options in remotes.items() if _is_s3(options))
    if of_s3:
        place = uri.text.partition("://")[2]
        raise StorageError(
            ExitCode.CONFIG,
            f'modelUri {uri.text} names the remote "{uri.remote}", but the secret defines {", ".join(of_s3)}',
            f"set modelUri to {of_s3[0]}:{place}",
        )


def _is_s3(options: Options) -> bool:
    declared = options.get("type", "").lower()
    return _TYPE_ALIASES.get(declared, declared) == S3


def expected_keys(uri: ModelUri) -> str:
    """Return which secret keys would give the URI's store its credentials, for messages."""
    prefix = f"RCLONE_CONFIG_{uri.remote.upper()}_"
    if uri.is_web:
        return (
            "a remote of the server: RCLONE_CONFIG_<REMOTE>_TYPE=http, RCLONE_CONFIG_<REMOTE>_URL and "
            "RCLONE_CONFIG_<REMOTE>_HEADERS, and modelUri to <REMOTE>:<path>"
        )
    if uri.remote in _FAMILIES[GCS]:
        return f"{prefix}SERVICE_ACCOUNT_CREDENTIALS, or a service account with gcloud-application-credentials.json"
    if uri.remote in _FAMILIES[AZURE]:
        return f"{prefix}ACCOUNT and {prefix}KEY or {prefix}SAS_URL, or AZ_TENANT_ID, AZ_CLIENT_ID and AZ_CLIENT_SECRET"
    keys = f"{prefix}TYPE, {prefix}PROVIDER, {prefix}ACCESS_KEY_ID, {prefix}SECRET_ACCESS_KEY and {prefix}ENDPOINT"
    if uri.remote in _FAMILIES[S3]:
        return f"{keys}; or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL"
    return keys


def _rclone_remote(
    name: str, kind: str, options: Options, uri: ModelUri, env: Mapping[str, str], *, in_file: bool
) -> Remote:
    where = f"section [{name}] of rclone.conf" if in_file else "the secret"
    prefix = "" if in_file else f"RCLONE_CONFIG_{name.upper()}_"

    def key(option: str) -> str:
        return option if in_file else f"{prefix}{option.upper()}"

    empty = {option for option, value in options.items() if not value}
    options = {option: value for option, value in options.items() if value}
    declared = options.get("type", kind).lower()
    options["type"] = _TYPE_ALIASES.get(declared, declared)
    if not options["type"]:
        raise StorageError(
            ExitCode.CONFIG,
            f'remote "{name}" has no type: {key("type")} is missing or empty in {where}',
            "set it, for example to s3",
        )
    if options["type"] in _REFUSED_TYPES:
        raise StorageError(
            ExitCode.CONFIG,
            f'remote "{name}" has the type "{options["type"]}", which is not allowed here',
            f"name a store in {key('type')}",
        )
    for option in options:
        if _REFUSED_OPTION.search(option):
            raise StorageError(
                ExitCode.CONFIG,
                f"{key(option)} in {where} is not allowed",
                "it can run a program or print secrets; remove it",
            )
    if options["type"] == S3:
        _complete_s3(name, options, empty, key, where)
        keys = f"{key('access_key_id')} and {key('secret_access_key')} in {where}"
    else:
        keys = f"{prefix}* in {where}" if prefix else where
    if options["type"] == AZURE:
        options |= azure.completed(options, uri)
    return Remote(name, options, keys, tls_flags(env))


def _complete_s3(name: str, options: Options, empty: set[str], key: Callable[[str], str], where: str) -> None:
    options["provider"] = (
        fix_provider(options["provider"]) if "provider" in options else guess_provider(options.get("endpoint", ""))
    )
    if options.get("env_auth", "").lower() in {"true", "1", "yes"}:
        return
    pair = ("access_key_id", "secret_access_key")
    missing = [option for option in pair if option not in options]
    if len(missing) == 1 or empty.intersection(pair):
        raise StorageError(
            ExitCode.CONFIG,
            f'remote "{name}" lacks credentials: {" and ".join(key(o) for o in missing)} missing or empty in {where}',
            "complete the secret",
        )


def _from_env(name: str, env: Mapping[str, str]) -> Options:
    prefix = f"RCLONE_CONFIG_{name.upper()}_"
    # Values are stripped: a newline at the end is what `echo` puts into a secret by mistake.
    return {key[len(prefix) :].lower(): value.strip() for key, value in env.items() if key.upper().startswith(prefix)}


def _names_in_env(env: Mapping[str, str]) -> set[str]:
    return {match.group(1).lower() for key in env if (match := re.fullmatch(r"RCLONE_CONFIG_(.+)_TYPE", key.upper()))}


def _config_file(env: Mapping[str, str]) -> dict[str, Options]:
    path = Path(env.get("RCLONE_CONFIG") or DEFAULT_CONFIG_FILE)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if env.get("RCLONE_CONFIG"):
            raise StorageError(
                ExitCode.CONFIG,
                f"RCLONE_CONFIG names {path}, which is not there",
                "mount the secret or remove the variable",
            ) from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            ExitCode.CONFIG,
            f"{path} cannot be read ({type(error).__name__})",
            f"make it readable for uid {os.getuid()}",
        ) from None
    if "RCLONE_ENCRYPT_V" in text.partition("[")[0]:
        raise StorageError(
            ExitCode.CONFIG, f"{path} is encrypted", "store it in the secret without a configuration password"
        )
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        raise StorageError(
            ExitCode.CONFIG, f"{path} is not an rclone configuration{f' (line {line})' if line else ''}", "correct it"
        ) from None
    return {
        section.lower(): {key.lower(): (value or "").strip() for key, value in parser[section].items()}
        for section in parser.sections()
    }


def _undefined(uri: ModelUri, defined: set[str]) -> StorageError:
    known = f" (defined: {', '.join(sorted(defined))})" if defined else ""
    return StorageError(
        ExitCode.CONFIG,
        f'remote "{uri.remote}" of modelUri {uri.text} is not defined{known}',
        f"set envSecretRefName to a secret that defines it, for S3 with {expected_keys(uri)}",
    )
