"""Which secrets and which fields a migration changes, decided from values alone: nothing here asks a cluster.

The least that does it. Keys are added to the secret that the model has already, so that nothing of its SeldonDeployment
changes and no pod is replaced; where the credentials came from a service account, the model is pointed at that secret.
A secret of its own is made only where keys cannot be added, or would reach models that they are not for.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from .migration import PREFIX, Conversion, Credentials, Key, State, convert

Path = tuple[str | int, ...]
_LONGEST_NAME = 253


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """A place where a SeldonDeployment names a model: a node of a graph at any depth, or an explainer.

    `path` leads to it from the object's root. `env_secret` is what it names itself. `default_secret` is the
    installation's, which counts where it names none. `own_init` tells that the user's own init container fetches it.
    """

    namespace: str
    deployment: str
    path: Path
    node: str
    uri: str
    env_secret: str = ""
    default_secret: str = ""
    service_account: str = "default"
    image: str = ""
    own_init: bool = False

    @property
    def secret(self) -> str:
        """The secret whose keys are its variables, empty for none."""
        return self.env_secret or self.default_secret


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecretState:
    """A secret as it is.

    Attributes:
        data: Its keys with their values.
        ours: Keys that a migration wrote and nobody else has changed since.
        fixed: Why no key can be added to it, as the end of a sentence; empty where it can.
        made: Whether a migration made it.
    """

    name: str
    data: Mapping[str, str] = dataclasses.field(repr=False)
    ours: frozenset[str] = frozenset()
    fixed: str = ""
    made: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """A site with all that is known of its credentials.

    Attributes:
        env_secret: The secret whose keys are its variables.
        account: The secret of its service account that it takes credentials of this store from.
        credentials: What its init container is given, of both.
        problem: What could not be read, as a sentence.
    """

    site: Site
    credentials: Credentials
    env_secret: SecretState | None = None
    account: SecretState | None = None
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Edit:
    """A field of a site that changes; None where it is not there."""

    field: str
    old: str | None
    new: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecretPlan:
    """Keys that a secret gets. `copied` are keys of another secret that a new one gets as they are there."""

    namespace: str
    name: str
    create: bool
    keys: tuple[Key, ...]
    copied: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    reason: str = ""
    used_by: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SitePlan:
    """What becomes of a site. `env` are its variables afterwards, without the old credentials."""

    site: Site
    state: State
    reason: str
    origin: str
    secret: str
    edits: tuple[Edit, ...] = ()
    keys: tuple[Key, ...] = ()
    env: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that a migration does."""

    sites: tuple[SitePlan, ...]
    secrets: tuple[SecretPlan, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not self.secrets and not any(each.edits or each.state is State.HAND for each in self.sites)


def plan(known: Iterable[Known], *, image: str | None = None) -> Plan:
    """The plan for these sites.

    Args:
        known: The sites.
        image: The storage initializer that they get, "" for the installation's, None to leave it.
    """
    sites, secrets = [], _Secrets()
    for each in known:
        found = _site(each, secrets)
        if image is not None and found.state is not State.HAND and not each.site.own_init:
            found = dataclasses.replace(found, edits=(*found.edits, *_image(each.site, image)))
        sites.append(found)
    return Plan(tuple(sites), secrets.found())


def _image(site: Site, image: str) -> Sequence[Edit]:
    return [] if site.image == image else [Edit("storageInitializerImage", site.image or None, image or None)]


def _site(known: Known, secrets: "_Secrets") -> SitePlan:
    site, env_secret, account = known.site, known.env_secret, known.account
    origin = f"secret {site.secret}" if site.secret else "-"
    if site.own_init:
        return _left(known, State.NOTHING, "your own init container fetches it", origin)
    if known.problem:
        return _left(known, State.HAND, known.problem, origin)
    ours = env_secret.ours if env_secret else frozenset()
    conversion = convert(site.uri, known.credentials, ours=ours)
    if account and conversion.keys:
        origin = f"service account {site.service_account} (secret {account.name})"
    if conversion.state is not State.MIGRATE:
        return _left(known, conversion.state, conversion.reason, origin, conversion.keys)
    return _migrated(known, conversion, origin, secrets)


def _left(known: Known, state: State, reason: str, origin: str, keys: tuple[Key, ...] = ()) -> SitePlan:
    env = known.env_secret.data if known.env_secret else {}
    return SitePlan(
        site=known.site, state=state, reason=reason, origin=origin, secret=known.site.secret, keys=keys,
        env=_without_old(env) if keys else dict(env),
    )  # fmt: skip


def _migrated(known: Known, conversion: Conversion, origin: str, secrets: "_Secrets") -> SitePlan:
    site, env_secret, account = known.site, known.env_secret, known.account
    target, copied, why = _target(env_secret, account)
    user = f"{site.deployment}/{site.node}"
    present = next((each.data for each in (env_secret, account) if each and each.name == target), None)
    foreign = [
        key.name
        for key in conversion.keys
        if present is not None
        and not (env_secret and target == env_secret.name)
        and present.get(key.name, key.value) != key.value
        and key.name not in (account.ours if account else ())
    ]
    if foreign:
        reason = (
            f"secret {target} has other values for {', '.join(foreign)}: correct them, or name it in envSecretRefName"
        )
        return _left(known, State.HAND, reason, origin)
    missing = tuple(key for key in conversion.keys if (present or {}).get(key.name) != key.value)
    wanted = SecretPlan(
        namespace=site.namespace, name=target, create=present is None, keys=missing, copied=copied, reason=why,
        used_by=(user,),
    )  # fmt: skip
    if (missing or wanted.create) and not secrets.add(wanted):
        reason = f"secret {target} is to have other credentials for another model: give this one a secret of its own"
        return _left(known, State.HAND, reason, origin)
    edits = () if site.secret == target else (Edit("envSecretRefName", site.env_secret or None, target),)
    env = _without_old(env_secret.data if env_secret else {}) | {key.name: key.value for key in conversion.keys}
    return SitePlan(
        site=site, state=State.MIGRATE, reason=conversion.reason, origin=origin, secret=target, edits=edits,
        keys=conversion.keys, env=env,
    )  # fmt: skip


def _target(env: SecretState | None, account: SecretState | None) -> tuple[str, Mapping[str, str], str]:
    """The secret that gets the keys, what a new one starts with, and why there is a new one."""
    if env and account and env.name != account.name and not env.made:
        why = f"the model takes variables of secret {env.name} and credentials of secret {account.name}"
        return f"{env.name}-{account.name}"[:_LONGEST_NAME], env.data, why
    base = env or account
    if base is None:  # a conversion has keys only where there are credentials, which come from a secret
        raise AssertionError
    if base.fixed:
        return f"{base.name[: _LONGEST_NAME - 7]}-rclone", env.data if env else {}, f"secret {base.name} {base.fixed}"
    return base.name, {}, ""


_OLD = ("AWS_", "S3_", "AZ_", "AZURE_", "GOOGLE_", "aws", "USE_SSL", "VERIFY_SSL")


def _without_old(env: Mapping[str, str]) -> dict[str, str]:
    """Variables without kfserving's, so that a look into the store proves what the new ones are good for."""
    return {name: value for name, value in env.items() if name.startswith(PREFIX) or not name.startswith(_OLD)}


class _Secrets:
    """The secrets that a plan changes, each once however many models need it."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, str], SecretPlan] = {}

    def add(self, wanted: SecretPlan) -> bool:
        """Add keys; False, and nothing changed, where a key is to have another value already."""
        key = (wanted.namespace, wanted.name)
        before = self._plans.get(key)
        if before is None:
            self._plans[key] = wanted
            return True
        keys = {each.name: each for each in before.keys}
        if any(each.name in keys and keys[each.name].value != each.value for each in wanted.keys):
            return False
        keys |= {each.name: each for each in wanted.keys}
        users = tuple(dict.fromkeys((*before.used_by, *wanted.used_by)))
        self._plans[key] = dataclasses.replace(before, keys=tuple(keys.values()), used_by=users)
        return True

    def found(self) -> tuple[SecretPlan, ...]:
        return tuple(self._plans[key] for key in sorted(self._plans))
