"""Reads what a storage migration starts from: where models are named, and the credentials that they get today.

Credentials of service accounts are put together by the controller's own code, so that they are what the pods have.
"""

import base64
import binascii
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from seldon_core.api import names
from seldon_core.kube import Client, ForbiddenError, NotFoundError, Object
from seldon_core.kube.resources import SECRETS, SERVICE_ACCOUNTS
from seldon_core.operator.objects.ownership import controller_of
from seldon_core.operator.render import credentials as rendered
from seldon_core.operator.render.config import OperatorConfig
from seldon_core.operator.render.facts import Facts, SecretFacts, ServiceAccountFacts
from seldon_core.storage.migration import PREFIX, Credentials
from seldon_core.storage.migration_plan import Known, Path, SecretState, Site

FIELD_MANAGER: Final = "seldonctl-migrate-storage"
MADE_BY: Final = {"app.kubernetes.io/managed-by": "seldonctl"}
_S3: Final = ("s3:", "minio:")
_GCS: Final = ("gs:", "gcs:")


def sites(sdep: Object, default_secret: str) -> Iterator[Site]:
    """Every place of a SeldonDeployment that names a model: all predictors, all depths, explainers."""
    spec = sdep.get("spec") or {}
    for number, predictor in enumerate(spec.get("predictors") or ()):
        path: Path = ("spec", "predictors", number)
        pods = [c.get("spec") or {} for c in predictor.get("componentSpecs") or ()]
        for place, node in _nodes(predictor.get("graph") or {}, (*path, "graph")):
            yield from _site(sdep, place, node, _pod_of(str(node.get("name")), pods), default_secret)
        explainer = predictor.get("explainer") or {}
        if explainer.get("type"):
            place = (*path, "explainer")
            named = {**explainer, "name": f"{predictor.get('name')} explainer"}
            yield from _site(sdep, place, named, {}, default_secret)


def _nodes(node: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield path, node
    for number, child in enumerate(node.get("children") or ()):
        yield from _nodes(child, (*path, "children", number))


def _pod_of(node: str, pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The pod spec with the node's container; that of a node without one is put into the first pod."""
    for pod in pods:
        if any(container.get("name") == node for container in pod.get("containers") or ()):
            return pod
    return pods[0] if pods else {}


def _site(
    sdep: Object, path: Path, owner: Mapping[str, Any], pod: Mapping[str, Any], default_secret: str
) -> Iterator[Site]:
    metadata, node = sdep["metadata"], str(owner.get("name"))
    if not owner.get("modelUri"):
        return
    declared = {container.get("name") for container in pod.get("initContainers") or ()}
    yield Site(
        namespace=metadata.get("namespace", ""),
        deployment=metadata["name"],
        path=path,
        node=node,
        uri=owner["modelUri"],
        env_secret=owner.get("envSecretRefName") or "",
        default_secret=default_secret,
        service_account=owner.get("serviceAccountName") or pod.get("serviceAccountName") or "default",
        image=owner.get("storageInitializerImage") or "",
        own_init=names.initializer(node) in declared,
    )


class Reader:
    """Reads secrets and service accounts, each once.

    Args:
        client: The API server.
        config: The installation's.
    """

    def __init__(self, client: Client, config: OperatorConfig) -> None:
        self._client = client
        self._config = config
        self._secrets: dict[tuple[str, str], Object | str] = {}
        self._accounts: dict[tuple[str, str], Object | str] = {}

    async def known(self, site: Site) -> Known:
        """All that a site's init container is given."""
        env_secret = await self._secret(site.namespace, site.secret) if site.secret else None
        if isinstance(env_secret, str):
            return Known(site=site, credentials=Credentials({}), problem=env_secret)
        account, found = await self._account(site), Credentials({})
        if isinstance(account, str):
            return Known(site=site, credentials=found, problem=account)
        own = dict(state_of(env_secret).data) if env_secret else {}
        given, source = self._of_account(site, account)
        return Known(
            site=site,
            credentials=dataclasses.replace(given, env={**own, **given.env}),
            env_secret=state_of(env_secret) if env_secret else None,
            account=state_of(source) if source else None,
        )

    def _of_account(self, site: Site, secrets: Sequence[Object]) -> tuple[Credentials, Object | None]:
        """Variables that a service account gives for the store of this model, and the secret that they are of."""
        by_name = {each["metadata"]["name"]: each for each in secrets}
        facts = Facts(service_accounts={site.service_account: ServiceAccountFacts(secrets=tuple(map(_facts, secrets)))})
        keys = self._config.credentials
        found = rendered.of_service_account(site.service_account, facts, keys)
        env: dict[str, str] = {}
        called: dict[str, str] = {}
        source: Object | None = None
        scheme = site.uri.partition("//")[0].lower()
        for entry in found.env:
            reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
            if reference:
                secret = by_name[reference["name"]]
                env[entry["name"]] = state_of(secret).data.get(reference["key"], "")
                called[entry["name"]] = reference["key"]
                source = secret if scheme in _S3 else source
            else:
                env[entry["name"]] = entry["value"]
        if scheme in _GCS and found.volumes:
            source = by_name[found.volumes[0]["secret"]["secretName"]]
            called["GOOGLE_APPLICATION_CREDENTIALS"] = keys.gcs_file
            return Credentials(env, state_of(source).data.get(keys.gcs_file, ""), called), source
        return Credentials(env, names=called), source

    async def _account(self, site: Site) -> list[Object] | str:
        """The secrets of the site's service account, or why they are not known."""
        if not self._config.service_account_credentials:
            return []
        key = (site.namespace, site.service_account)
        if key not in self._accounts:
            try:
                self._accounts[key] = await self._client.get(SERVICE_ACCOUNTS, key[1], key[0])
            except (NotFoundError, ForbiddenError) as error:
                self._accounts[key] = _unread(f"service account {key[1]}", error)
        account = self._accounts[key]
        if isinstance(account, str):
            # Every pod has the account "default": that nobody may read it, or that it has not been made yet, is no
            # reason to leave a model out which names another source.
            return account if site.service_account != "default" else []
        found = []
        for each in account.get("secrets") or ():
            secret = await self._secret(site.namespace, each["name"]) if each.get("name") else ""
            if isinstance(secret, dict):
                found.append(secret)
            elif secret and site.service_account != "default":
                return f"{secret} (service account {site.service_account} lists it)"
        return found

    async def _secret(self, namespace: str, name: str) -> Object | str:
        key = (namespace, name)
        if key not in self._secrets:
            try:
                self._secrets[key] = await self._client.get(SECRETS, name, namespace)
            except (NotFoundError, ForbiddenError) as error:
                self._secrets[key] = _unread(f"secret {name}", error)
        return self._secrets[key]


def _unread(what: str, error: NotFoundError | ForbiddenError) -> str:
    return f"{what} does not exist" if isinstance(error, NotFoundError) else f"{what} may not be read: {error}"


def _facts(secret: Object) -> SecretFacts:
    metadata = secret["metadata"]
    return SecretFacts(
        name=metadata["name"],
        keys=frozenset(secret.get("data") or ()),
        annotations=metadata.get("annotations") or {},
    )


def state_of(secret: Object) -> SecretState:
    """A secret as the planning takes it. What is no text is left out: no variable can hold it."""
    metadata, data = secret["metadata"], {}
    for name, value in (secret.get("data") or {}).items():
        try:
            data[name] = base64.b64decode(value or "").decode()
        except (UnicodeDecodeError, binascii.Error):
            continue
    owner = controller_of(secret)
    kept = f"is kept by {owner['kind']} {owner['name']}, which would take new keys away" if owner else ""
    return SecretState(
        name=metadata["name"],
        data=data,
        ours=owned_keys(secret),
        fixed="is immutable" if secret.get("immutable") else kept,
        made=(metadata.get("labels") or {}).items() >= MADE_BY.items(),
    )


def owned_keys(secret: Object) -> frozenset[str]:
    """The keys for rclone that a migration wrote and nobody has changed since: the API server keeps the account."""
    found: set[str] = set()
    for entry in secret["metadata"].get("managedFields") or ():
        if entry.get("manager") == FIELD_MANAGER:
            fields = (entry.get("fieldsV1") or {}).get("f:data") or {}
            found |= {name[2:] for name in fields if name.startswith("f:")}
    return frozenset(name for name in found if name.startswith((PREFIX, "RCLONE_")))
