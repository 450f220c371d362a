"""The controller's configuration: the chart's values, and the ConfigMap `seldon-config` over them, live.

An edit of the ConfigMap takes effect at once. One that cannot be used changes nothing: the last good configuration
stays in force, and the reason is said in the log and in an event on the ConfigMap.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from seldon_core.api.values import Values, ValuesError, load_values, obsolete_keys
from seldon_core.api.values_controller import Manager
from seldon_core.kube import Client, Event, EventType, Informer, LeaseTimings, Object, Timings
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import CONFIG_MAPS
from seldon_core.operator.render.config import ConfigError, OperatorConfig, from_values
from seldon_core.operator.report.events import Recorder
from seldon_core.operator.rollout.standing import Policy

_log = logging.getLogger(__name__)


class UnusableValuesError(Exception):
    """The values file cannot be read; the controller cannot start without it."""


@dataclass(frozen=True, slots=True)
class LeaderElection:
    """The Lease that one controller of several holds. The values file says it, so it stays while the process runs."""

    name: str
    timings: LeaseTimings


class Configuration:
    """The present configuration.

    Args:
        client: The API server.
        values_file: The chart's values as YAML.
        namespace: Where the ConfigMap is.
        name: The ConfigMap.
        recorder: For events on it.
        timings: Of its informer.

    Raises:
        UnusableValuesError: The values file is missing or wrong.
    """

    def __init__(
        self,
        client: Client,
        *,
        values_file: Path,
        namespace: str,
        name: str,
        recorder: Recorder,
        timings: Timings | None = None,
    ) -> None:
        self.values = _read(values_file)
        try:
            self.lease = _lease(self.values.manager)
        except ValueError as error:
            raise UnusableValuesError(f"the values file {values_file}, manager.leaderElection*: {error}") from error
        manager = self.values.manager
        self.rollout = Policy(takeover=manager.takeover, max_concurrent=manager.rollout.max_concurrent)
        self._recorder = recorder
        self._listeners: list[Callable[[], None]] = []
        self.problem = ""
        try:
            self.current: OperatorConfig = from_values(self.values)
        except ConfigError as error:
            raise UnusableValuesError(f"the values file {values_file} cannot be used: {error}") from error
        selection = Selection(CONFIG_MAPS, namespace, fields=f"metadata.name={name}")
        self.informer = Informer(client, selection, timings=timings)
        self.informer.on_event(self._changed)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call a function whenever another configuration is in force."""
        self._listeners.append(listener)

    def learn(self, written: Object) -> None:
        """Go by the ConfigMap that a write of our own has just returned, before the watch tells of it."""
        self.informer.learn(written)
        self._changed(Event(EventType.MODIFIED, written))

    def _changed(self, event: Event) -> None:
        data: dict[str, str] | None = None
        if event.type is not EventType.DELETED:
            data = event.object.get("data") or {}
        try:
            config = from_values(self.values, data)
        except (ConfigError, RecursionError) as error:
            self.problem = f"{error} The last good configuration stays in force."
            self._recorder.warning(event.object, "InvalidConfiguration", self.problem)
            _log.error("%s", self.problem, extra={"configMap": event.object["metadata"]["name"]})
            return
        self.problem = ""
        if config == self.current:
            return
        self.current = config
        _log.info("configuration changed", extra={"configMap": event.object["metadata"]["name"]})
        for listener in self._listeners:
            listener()


def _lease(given: Manager) -> LeaderElection:
    return LeaderElection(
        name=given.leader_election_id,
        timings=LeaseTimings(
            duration=given.leader_election_lease_duration_secs,
            renew_deadline=given.leader_election_renew_deadline_secs,
            retry_period=given.leader_election_retry_period_secs,
        ),
    )


def _read(path: Path) -> Values:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        # merged: the chart writes its merged values, so maps are taken as they are.
        values = load_values(data, merged=True)
    except FileNotFoundError as error:
        raise UnusableValuesError(
            f"the values file {path} does not exist: the chart mounts it; SELDON_VALUES_FILE names another"
        ) from error
    except (ValuesError, yaml.YAMLError, OSError) as error:
        raise UnusableValuesError(f"the values file {path} cannot be used: {error}") from error
    if old := obsolete_keys(data):
        _log.warning("values of older releases have no meaning today: %s", ", ".join(old))
    return values
