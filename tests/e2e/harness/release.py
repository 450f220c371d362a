"""The chart under test as one Helm release, installed once a run and upgraded only where a test needs other values.

A set of values is a profile. Tests name theirs by the marker `release_profile`; the suite runs profile by profile.
A test of upgrades changes the release itself, by `ensure`, `upgrade_reusing_values` and `roll_back`; the next test gets
its own profile back.

There is one release for all workers of a run, so it is changed by who is alone (turns.py), and its profile is
written down where all of them see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import images
from .tools import CommandError, Completed, Tool
from .waiting import assert_rolled_out, wait_for

if TYPE_CHECKING:
    from .cluster import Cluster
    from .timeouts import Timeouts
    from .turns import Turns

NAME = "seldon-core"
NAMESPACE = "seldon-system"
# Source: specification 5.
CONTROLLER = "seldon-controller-manager"
CACHE_CLAIM = "seldon-models"
# helm waits by its own deadline; the process gets a little longer to say so.
SPARE_SECONDS = 30.0
SECURE = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}

PROBE: dict[str, Any] = {
    "apiVersion": "machinelearning.seldon.io/v1",
    "kind": "SeldonDeployment",
    "metadata": {"name": "asks-the-webhook", "namespace": "default"},
    "spec": {"predictors": [{"name": "p", "graph": {"name": "c", "implementation": "SKLEARN_SERVER"}}]},
}
"""Is never stored."""


@dataclass(frozen=True)
class Profile:
    """A name for chart values beyond the defaults."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


DEFAULT = Profile("default")
# Case d. The seeds' way back to the initializer of before 1.8.
KFSERVING = Profile("kfserving", {"storageInitializer": {"image": images.KFSERVING_INITIALIZER}})
# Case g. The seeds' section "Set new default storage initializer".
OWN_DEFAULTS = Profile(
    "own-defaults",
    {
        "storageInitializer": {"image": images.RCLONE_EXAMPLE},
        "predictiveUnit": {"defaultEnvSecretRefName": "seldon-rclone-secret"},
    },
)
# Models on claims that are mounted, and a cache for the others.
CLAIMS = Profile("claims", {"storageInitializer": {"pvc": "mount", "cache": {"claimName": CACHE_CLAIM}}})
# In this order the suite runs: three upgrades in all, and those that are what a test is about.
PROFILES = {profile.name: profile for profile in (DEFAULT, KFSERVING, OWN_DEFAULTS, CLAIMS)}
# What no test has asked for, so that the next one gets its own.
_CHANGED = Profile("changed by a test")


class Release:
    """The release in the cluster; remembers which profile it has.

    `always` are chart values that every profile has: those of the gateway. A profile that names one of their keys wins.
    `turns` tells whether this worker may change the release, which it does only while it is alone.
    """

    def __init__(
        self,
        helm: Tool,
        kubectl: Tool,
        cluster: Cluster,
        chart: Path,
        timeouts: Timeouts,
        *,
        always: Mapping[str, Any],
        turns: Turns,
    ) -> None:
        self._helm = helm
        self._kubectl = kubectl
        self._cluster = cluster
        self._chart = chart
        self._timeouts = timeouts
        self._always = dict(always)
        self._turns = turns
        # Empty while nobody knows what it has, not there while nobody has asked for it.
        self._written = turns.folder / "profile"

    def has(self, profile: Profile) -> bool:
        """Whether it has this profile."""
        return self._profile == profile.name

    def ensure(self, profile: Profile) -> None:
        """Install or upgrade to the profile's values, unless the release has them.

        Returns when only pods of this release run: nothing is answered by a controller with the values of before.
        Raises CommandError with helm's words.
        """
        if self.has(profile):
            return
        kept = False if self._profile else self._prepare()
        with self._changing(profile):
            self._upgrade(
                "--install", "--create-namespace", "--reset-values", values=self._always | dict(profile.values)
            )
            if kept:
                # A release that an earlier run kept may run images of the same tag that have been built anew since.
                target = ("rollout", "restart", f"deployment/{CONTROLLER}", "--namespace", NAMESPACE)
                self._kubectl.run(target, seconds=self._timeouts.kubectl).checked()

    def upgrade_reusing_values(self, values: Mapping[str, Any] | None = None) -> None:
        """`helm upgrade --reuse-values`, with `values` beside those of the release. Returns and raises as `ensure`."""
        with self._changing(_CHANGED):
            self._upgrade("--reuse-values", values=values or {})

    def roll_back(self) -> None:
        """`helm rollback` to the revision before this one. Returns and raises as `ensure`."""
        with self._changing(_CHANGED):
            self._run("rollback", NAME, "--wait", *self._deadline()).checked()

    def end(self, *, keep: bool) -> None:
        """Leave nothing but the CRD, which the chart keeps by intent; with `keep`, leave the release with defaults.

        Does nothing where no test has asked for the release.
        """
        if keep and self._profile:
            self.ensure(DEFAULT)
        elif self._written.exists() and not keep:
            self._uninstall()
        self._written.unlink(missing_ok=True)

    @property
    def _profile(self) -> str:
        return self._written.read_text() if self._written.exists() else ""

    @contextmanager
    def _changing(self, profile: Profile) -> Iterator[None]:
        """What is done in the block makes the release one of this profile; returns when only its pods run.

        Where it fails, the next test begins anew, and the end removes what is left of it.
        """
        assert self._turns.alone_now, "the release is for others, too: a test that changes it has the marker `alone`"
        self._written.write_text("")
        yield
        self._settle()
        self._written.write_text(profile.name)

    def _prepare(self) -> bool:
        """Make the namespace; answer whether a release is there, after removing one that was interrupted half way."""
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": SECURE}}
        apply = ("apply", "--server-side", "--force-conflicts", "--field-manager", "seldon-core-e2e", "-f", "-")
        self._kubectl.run(apply, seconds=self._timeouts.kubectl, text=json.dumps(manifest)).checked()
        listed = self._run("list", "--all", "--filter", f"^{NAME}$", "--output", "json").checked()
        releases = json.loads(listed.stdout)
        if releases and releases[0]["status"] != "deployed":
            self._uninstall()
            return False
        return bool(releases)

    def _upgrade(self, *options: str, values: Mapping[str, Any]) -> None:
        if not (self._chart / "Chart.yaml").is_file():
            raise CommandError(f"{self._chart} holds no chart: give its folder with --chart-path.")
        command = ("upgrade", NAME, str(self._chart), *options, "--values", "-", "--wait", *self._deadline())
        self._run(*command, text=json.dumps(dict(values))).checked()

    def _uninstall(self) -> None:
        self._run("uninstall", NAME, "--ignore-not-found", "--wait", *self._deadline()).checked()

    def _settle(self) -> None:
        def settled() -> None:
            deployment = self._cluster.get("apps/v1", "Deployment", CONTROLLER, NAMESPACE)
            labels = (deployment or {}).get("spec", {}).get("selector", {}).get("matchLabels", {})
            selector = ",".join(f"{key}={value}" for key, value in labels.items())
            assert_rolled_out(deployment, self._cluster.objects("v1", "Pod", NAMESPACE, labels=selector))

        wait_for(settled, what="the controller of the new release", seconds=self._timeouts.controller)
        wait_for(self._assert_webhook, what="the webhook", seconds=self._timeouts.controller)

    def _assert_webhook(self) -> None:
        """A pod is ready some moments before the node's rules lead to it, and the first test would be refused."""
        command = ("create", "--dry-run=server", "--filename", "-")
        answer = self._kubectl.run(command, seconds=self._timeouts.kubectl, text=json.dumps(PROBE))
        assert "failed calling webhook" not in answer.stderr, answer.stderr.strip()

    def _deadline(self) -> tuple[str, str]:
        return ("--timeout", f"{self._timeouts.helm:g}s")

    def _run(self, verb: str, *arguments: str, text: str | None = None) -> Completed:
        command = (verb, *arguments, "--namespace", NAMESPACE)
        return self._helm.run(command, seconds=self._timeouts.helm + SPARE_SECONDS, text=text)
