"""What the installation in a cluster makes of SeldonDeployments now, and what it would with other values.

Source: the chart writes the values in force into the ConfigMap `seldon-operator-values`, and `seldon-config`, which
people edit, wins over them. What becomes of its entries with other values is decided as the controller does it, once it
has started with them: docs/adr/0004-seldon-config.md.
"""

import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from seldon_core.api.values import Values, ValuesError, load_values, merge
from seldon_core.kube import Client, ForbiddenError, NotFoundError, Object
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import CONFIG_MAPS, NAMESPACES
from seldon_core.operator.config import edits, liveconfig
from seldon_core.operator.objects.kinds import CONTROLLER_ID
from seldon_core.operator.render.config import ConfigError, OperatorConfig, from_values

from . import files
from .errors import CommandError

VALUES_NAME: Final = "seldon-operator-values"
CONFIG_NAME: Final = "seldon-config"
USUAL_NAMESPACE: Final = "seldon-system"

_KEYS: Final = frozenset({"predictor_servers", "storageInitializer", "explainer", "credentials"})
"""Of `seldon-config`."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """One controller's configuration.

    Attributes:
        values: As the chart has written them; empty where it has not.
        seldon_config: The ConfigMap, None where there is none.
        namespace: Where it is, empty where nothing was found.
        foreign: Namespaces whose label gives their SeldonDeployments to the controller of an id.
        note: What was not found, and what stands for it; empty where all was.
    """

    values: Mapping[str, Any]
    seldon_config: Object | None
    namespace: str
    foreign: frozenset[str] = frozenset()
    note: str = ""

    def config(self, base: Mapping[str, Any] | None, given: Mapping[str, Any]) -> tuple[Values, OperatorConfig]:
        """The values and the configuration after an upgrade.

        Args:
            base: Values of another chart in place of those in force, or None.
            given: Laid over them; a key that is None there is taken out.

        Raises:
            CommandError: The values, or the ConfigMap, cannot be used.
        """
        try:
            start = self.values if base is None else base
            # Over no values at all these are as a user writes them; over those in force Helm has merged already.
            values = load_values(merge(start, given) if start else given, merged=bool(start))
            return values, from_values(values, self._data(values))
        except (ValuesError, ConfigError) as error:
            raise CommandError(str(error)) from error

    def _data(self, values: Values) -> dict[str, str] | None:
        """What `seldon-config` holds once a controller with these values has looked at it."""
        if self.seldon_config is None:
            return None
        step = liveconfig.step_for(self.seldon_config, edits.of_chart(values))
        return (self.seldon_config.get("data") or {}) | dict(step.data if step else {})


def serves(values: Values, installation: Installation, sdep: Object) -> bool:
    """Whether a SeldonDeployment is this controller's."""
    metadata = sdep["metadata"]
    if (metadata.get("labels") or {}).get(CONTROLLER_ID, "") != values.controller_id:
        return False
    namespace = metadata.get("namespace")
    if values.single_namespace and installation.namespace:
        return bool(namespace == installation.namespace)
    return bool(values.controller_id) or namespace not in installation.foreign


async def find(client: Client, *, asked: str | None, target: str | None) -> Installation:
    """Read the installation.

    Args:
        client: The API server.
        asked: The controller's namespace, where the user names it.
        target: The namespace that is looked at: of several controllers the one that is in it is meant.

    Raises:
        CommandError: There are several, and nobody says which is meant; or the namespace named has none.
    """
    found = await _config_maps(client, asked)
    if asked and not found:
        raise CommandError(
            f"Namespace {asked} has neither the ConfigMap {VALUES_NAME} nor {CONFIG_NAME}, or you may not read them."
        )
    namespaces = sorted({namespace for namespace, _ in found})
    if len(namespaces) > 1:
        if target not in namespaces:
            raise CommandError(
                f"There are controllers in several namespaces ({', '.join(namespaces)}): "
                "say with --controller-namespace which one is meant."
            )
        namespaces = [target]
    namespace = namespaces[0] if namespaces else ""
    written = found.get((namespace, VALUES_NAME))
    config = found.get((namespace, CONFIG_NAME))
    return Installation(
        values=_values(written) if written else {},
        seldon_config=config,
        namespace=namespace,
        foreign=await _foreign(client, target),
        note="" if written else _note(namespace),
    )


def _note(namespace: str) -> str:
    where = f" in namespace {namespace}" if namespace else ""
    return (
        f"The values in force are unknown (no ConfigMap {VALUES_NAME}{where} that you may read): the chart's defaults "
        "stand for them. Give them with --values: helm get values RELEASE --all -o yaml."
    )


async def _config_maps(client: Client, asked: str | None) -> dict[tuple[str, str], Object]:
    """Both ConfigMaps by namespace and name: of the whole cluster, or of the usual place where that is not allowed."""
    found: dict[tuple[str, str], Object] = {}
    for name in (VALUES_NAME, CONFIG_NAME):
        try:
            listed = await client.list(Selection(CONFIG_MAPS, asked, fields=f"metadata.name={name}"))
            objects: Iterable[Object] = listed.items
        except ForbiddenError:
            objects = await _got(client, name, asked or USUAL_NAMESPACE)
        for each in objects:
            found[each["metadata"]["namespace"], name] = each
    # `seldon-config` alone is also what other programs call theirs; one that has our keys is an installation's.
    return {
        key: each for key, each in found.items() if key[1] == VALUES_NAME or _KEYS & (each.get("data") or {}).keys()
    }


async def _foreign(client: Client, target: str | None) -> frozenset[str]:
    """Namespaces with the label of a controller; as far as they may be read."""
    try:
        listed = await client.list(Selection(NAMESPACES, labels=CONTROLLER_ID, metadata_only=True))
        return frozenset(each["metadata"]["name"] for each in listed.items)
    except ForbiddenError:
        pass
    try:
        found = await client.get(NAMESPACES, target) if target else None
    except (ForbiddenError, NotFoundError):
        return frozenset()
    return frozenset({str(target)} if found and CONTROLLER_ID in (found["metadata"].get("labels") or {}) else ())


async def _got(client: Client, name: str, namespace: str) -> list[Object]:
    try:
        return [await client.get(CONFIG_MAPS, name, namespace)]
    except (NotFoundError, ForbiddenError):
        return []


def _values(config_map: Object) -> dict[str, Any]:
    where = f"ConfigMap {VALUES_NAME} in namespace {config_map['metadata']['namespace']}"
    try:
        data = yaml.safe_load((config_map.get("data") or {}).get("values.yaml") or "{}")
    except yaml.YAMLError as error:
        raise CommandError(f"{where}: values.yaml is no YAML.") from error
    if not isinstance(data, dict):
        raise CommandError(f"{where}: values.yaml must be a mapping of keys.")
    return data


def chart_values(path: str) -> dict[str, Any]:
    """The values.yaml of a chart: a folder, or a package (.tgz).

    Raises:
        CommandError: It is no chart.
    """
    chart = Path(path)
    if chart.is_dir():
        documents = files.documents(str(chart / "values.yaml"))
    else:
        try:
            with tarfile.open(chart) as package:
                member = next(
                    m for m in package.getmembers() if m.name.count("/") == 1 and m.name.endswith("/values.yaml")
                )
                content = package.extractfile(member)
                documents = [yaml.safe_load(content.read())] if content else []
        except (OSError, tarfile.TarError, StopIteration, yaml.YAMLError) as error:
            raise CommandError(f"{path}: is no chart: neither a folder with values.yaml nor its package.") from error
    values = documents[0] if documents else {}
    if not isinstance(values, dict):
        raise CommandError(f"{path}: its values.yaml must be a mapping of keys.")
    return values
