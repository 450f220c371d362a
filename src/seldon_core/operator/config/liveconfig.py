"""Keeps `seldon-config` in step with the chart's values, and every edit in it. See docs/adr/0004-seldon-config.md.

The chart makes the ConfigMap without data, so that Helm never has a say in them. The leader fills them in and writes
down, in an annotation, what the chart said: the base of the next merge.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seldon_core.api.values import Values
from seldon_core.kube import ApiError, Client, Informer, Object, key_of
from seldon_core.kube.backoff import Attempts
from seldon_core.kube.resources import CONFIG_MAPS, Key
from seldon_core.operator.report.events import Recorder

from . import edits

_log = logging.getLogger(__name__)

BASE: Final = "seldon.io/chart-defaults"
"""The annotation with what the chart said when the ConfigMap was last brought in step, as JSON."""

LONGEST_LIST: Final = 10


@dataclass(frozen=True, slots=True)
class Step:
    """What to write into the ConfigMap.

    Attributes:
        data: Keys with their new texts.
        base: The text of the annotation.
        kept: Paths of entries that stay as they were edited.
    """

    data: Mapping[str, str]
    base: str
    kept: tuple[str, ...]


def step_for(live: Mapping[str, Any], chart: Mapping[str, Any]) -> Step | None:
    """What brings a ConfigMap in step with the chart's values; None where it is.

    Args:
        live: The ConfigMap.
        chart: From `edits.of_chart`.
    """
    data, base = live.get("data") or {}, _base(live)
    said = dict(base)
    texts: dict[str, str] = {}
    kept: list[str] = []
    for name, entries in chart.items():
        there = _parsed(data.get(name))
        if there is None:  # somebody's slip, of which configuration.py speaks
            continue
        said[name] = entries
        if name not in data:
            texts[name] = _text(entries)
            continue
        found = edits.merged(name, base.get(name), there, entries)
        kept += found.kept
        if found.data != there:
            texts[name] = _text(found.data)
    if not texts and said == base and BASE in (live["metadata"].get("annotations") or {}):
        return None
    return Step(texts, _text(said), tuple(kept))


class LiveConfig:
    """The ConfigMap's data.

    Args:
        client: The API server, writing for the leader alone.
        key: The ConfigMap.
        values: What the chart says.
        informer: Of the ConfigMap.
        leading: Set while this process may work.
        wrote: Told of the ConfigMap that was written.
        recorder: For events on it.
    """

    def __init__(
        self,
        client: Client,
        key: Key,
        values: Values,
        *,
        informer: Informer,
        leading: asyncio.Event,
        wrote: Callable[[Object], None],
        recorder: Recorder,
    ) -> None:
        self._client = client
        self._key = key
        self._chart = edits.of_chart(values)
        self._informer = informer
        self._leading = leading
        self._wrote = wrote
        self._recorder = recorder
        self._changed = asyncio.Event()
        self.settled = asyncio.Event()
        """The ConfigMap was looked at once as the leader: it says what this controller is to go by."""
        informer.on_event(lambda _: self._changed.set())

    async def run(self) -> None:
        """Bring it in step, and keep it so, until cancelled."""
        await self._informer.synced.wait()
        attempts = Attempts()
        while True:
            self._changed.clear()
            await self._leading.wait()
            pause = None
            try:
                await self.check()
                attempts.succeeded()
            except ApiError as error:
                pause = attempts.pause_after(error)
                _log.warning("seldon-config cannot be brought in step, again in %.1f s: %s", pause, error)
            # Also after a failure: it holds what it held before, and that is better than no work at all.
            self.settled.set()
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    async def check(self) -> None:
        """One look, and at most one write.

        Raises:
            ApiError: The API server refuses, or cannot be asked; or somebody has edited it meanwhile.
        """
        live = self._informer.store.at(self._key)
        if live is None:
            return
        step = step_for(live, self._chart)
        if step is None:
            return
        namespace, name = key_of(live)
        metadata = {"resourceVersion": live["metadata"]["resourceVersion"], "annotations": {BASE: step.base}}
        patch = {"metadata": metadata} | ({"data": step.data} if step.data else {})
        self._wrote(await self._client.patch(CONFIG_MAPS, name, patch, namespace))
        self._tell(live, sorted(step.data), step.kept)

    def _tell(self, live: Object, written: list[str], kept: Sequence[str]) -> None:
        if written:
            _log.info("brought seldon-config in step with the chart's values: %s", ", ".join(written))
        if kept:
            more = f" and {len(kept) - LONGEST_LIST} more" if len(kept) > LONGEST_LIST else ""
            sentence = (
                f"Kept as they were edited, though the chart's values say something else: "
                f"{', '.join(kept[:LONGEST_LIST])}{more}. Delete a key of the ConfigMap to get the chart's."
            )
            _log.warning("seldon-config: %s", sentence)
            self._recorder.normal(live, "EditsKept", sentence)


def _base(live: Mapping[str, Any]) -> dict[str, Any]:
    """What the chart said last. A ConfigMap that we never wrote is v1.17.1's, or empty."""
    found = _parsed((live["metadata"].get("annotations") or {}).get(BASE))
    return found or dict(edits.RELEASED)


def _parsed(text: str | None) -> dict[str, Any] | None:
    """The entries of one key: empty where the key is missing, None where it holds something else."""
    if text is None:
        return {}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
