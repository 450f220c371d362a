"""Credentials of kfserving's time turned into rclone's: what `seldonctl migrate storage` writes into secrets.

Old variables are read by the initializer's own reader (`credentials.resolve`), and its answer is written down as
`RCLONE_CONFIG_<REMOTE>_*`. So the new keys lead to the same store with the same options by construction, for every
store that the initializer knows, and no second table of variables can differ from the first.
"""

import dataclasses
import enum
import json
import posixpath
from collections.abc import Collection, Mapping
from typing import Final

from .credentials import names_of, resolve
from .errors import ExitCode, StorageError
from .redact import redact
from .remote import AZURE, GCS, Remote
from .uri import ModelUri, parse

PREFIX: Final = "RCLONE_CONFIG_"
_CLAIM: Final = "pvc://"
_WEB: Final = frozenset({"http", "https"})
_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".zip", ".gz")
# Options whose values may be shown; all others count as secret.
_SHOWN: Final = frozenset(
    {
        "type",
        "provider",
        "env_auth",
        "endpoint",
        "region",
        "force_path_style",
        "anonymous",
        "account",
        "tenant",
        "client_id",
    }
)
_GOOGLE_FILE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_PRINCIPAL: Final = ("AZ_TENANT_ID", "AZ_CLIENT_ID", "AZ_CLIENT_SECRET")
# A configuration file of the machine that plans is none of the pod's.
_NO_FILE: Final = {"RCLONE_CONFIG": "/dev/null"}


class State(enum.Enum):
    """What is to be done for one model."""

    MIGRATE = "migrate"
    DONE = "done"
    NOTHING = "nothing"
    HAND = "by hand"


@dataclasses.dataclass(frozen=True)
class Key:
    """One key that a secret gets. `source` names the key that its value is copied from, empty for what is no secret."""

    name: str
    value: str = dataclasses.field(repr=False)
    source: str = ""

    @property
    def shown(self) -> str:
        """The value where it is no secret, as it may be shown."""
        return "" if self.source else redact(self.value)


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What the init container of a model is given today.

    Attributes:
        env: Its variables with their values.
        google_key: The content of the file that GOOGLE_APPLICATION_CREDENTIALS names; empty where it is not known.
        names: What the secret calls a variable, where it is not the variable's own name.
    """

    env: Mapping[str, str] = dataclasses.field(repr=False)
    google_key: str = dataclasses.field(default="", repr=False)
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What becomes of one model's credentials: the whole set of its new keys, and a sentence about it."""

    state: State
    reason: str = ""
    keys: tuple[Key, ...] = ()


def convert(text: str, given: Credentials, *, ours: Collection[str] = ()) -> Conversion:
    """What has to be done for a model.

    Args:
        text: Its modelUri.
        given: What its init container is given.
        ours: Keys that an earlier migration wrote. They follow the old keys, which somebody may have changed since;
            what else there is of rclone's is a person's and stays.
    """
    if text.startswith(_CLAIM):
        return Conversion(State.NOTHING, "a claim needs no credentials")
    try:
        uri = parse(text)
        if uri.remote in _WEB:
            return _web(text, given)
        others = {name: value for name, value in given.env.items() if name not in ours} | _NO_FILE
        if _has_options(uri, others):
            resolve(uri, others)
            return Conversion(State.DONE, "has credentials for rclone already")
        return _of_old(uri, others, given)
    except StorageError as error:
        return Conversion(State.HAND, str(error))


def _of_old(uri: ModelUri, env: Mapping[str, str], given: Credentials) -> Conversion:
    remotes = resolve(uri, env)
    if len(remotes) != 1:
        if remotes[0].options["type"] == AZURE:
            _check_principal(env)
        return Conversion(State.NOTHING, "no credentials: public, or the pod's own identity; the same as before")
    keys = _keys(uri, remotes[0], env, given)
    have = all(given.env.get(key.name) == key.value for key in keys)
    return Conversion(State.DONE if have else State.MIGRATE, "", keys)


def _keys(uri: ModelUri, remote: Remote, env: Mapping[str, str], given: Credentials) -> tuple[Key, ...]:
    options = dict(remote.options)
    for option, named in (("account", uri.account), ("endpoint", uri.origin)):
        if named and options.get(option) == named:
            # The URI names it; in the secret it would hold for models in other accounts, too.
            del options[option]
    if options["type"] == GCS:
        options.pop("service_account_file", None)
        options["service_account_credentials"] = _google_key(given, options.get("service_account_credentials", ""))
        # Images of rclone's initializer may bring an anonymous remote "gs" along.
        options["anonymous"] = "false"
    prefix = f"{PREFIX}{uri.remote.upper()}_"
    found = [
        Key(
            f"{prefix}{option.upper()}",
            value,
            "" if option in _SHOWN else _source(option, value, env, given, remote.keys),
        )
        for option, value in options.items()
    ]
    # Certificates are no secret, and too long to be shown.
    found += [Key(name, value, "the old certificates" if "\n" in value else "") for name, value in remote.flags.items()]
    return tuple(sorted(found, key=lambda key: (bool(key.source), key.name)))


def _source(option: str, value: str, env: Mapping[str, str], given: Credentials, otherwise: str) -> str:
    same = [name for name, text in env.items() if text.strip() == value]
    # Key and password may well be equal; then the one with the option's name is meant.
    same.sort(key=lambda name: not name.upper().endswith(option.upper()))
    variable = same[0] if same else otherwise
    return given.names.get(variable, variable)


def _google_key(given: Credentials, text: str) -> str:
    text = text or given.google_key
    if not text:
        raise StorageError(
            ExitCode.CONFIG,
            f"{_GOOGLE_FILE} names a file that is in no secret of the model's service account",
            f"put the JSON key into the secret as {PREFIX}GS_SERVICE_ACCOUNT_CREDENTIALS",
        )
    name = given.names.get(_GOOGLE_FILE, _GOOGLE_FILE)
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if not isinstance(key, dict) or key.get("type") != "service_account" or not key.get("private_key"):
        raise StorageError(
            ExitCode.CONFIG,
            f"the key {name} of the secret is no JSON key of a Google service account",
            "put one there (gcloud iam service-accounts keys create)",
        )
    return json.dumps(key, separators=(",", ":"))


def _check_principal(env: Mapping[str, str]) -> None:
    """Half a principal counts as none, and the model would be asked for without credentials."""
    missing = [name for name in _PRINCIPAL if not env.get(name, "").strip()]
    if 0 < len(missing) < len(_PRINCIPAL):
        raise StorageError(
            ExitCode.CONFIG, f"{' and '.join(missing)} missing or empty in the secret", "complete the secret"
        )


def _has_options(uri: ModelUri, env: Mapping[str, str]) -> bool:
    prefixes = tuple(f"{PREFIX}{name.upper()}_" for name in names_of(uri))
    return any(name.upper().startswith(prefixes) for name in env)


def _web(text: str, given: Credentials) -> Conversion:
    host = text.partition("://")[2].partition("/")[0].partition(":")[0]
    if f"{host}-headers" in given.env:
        return Conversion(State.HAND, f"rclone knows no {host}-headers: move the model to a store")
    if posixpath.basename(text).lower().endswith(_ARCHIVES):
        return Conversion(State.HAND, "rclone unpacks no archives: store the unpacked model, and name its folder")
    return Conversion(State.NOTHING, "a web server needs no credentials")
