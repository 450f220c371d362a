"""The order of helm's commands, on programs that write down how they were called."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness.release import CONTROLLER, DEFAULT, KFSERVING, PROFILES, Release
from tests.e2e.harness.timeouts import Timeouts
from tests.e2e.harness.tools import CommandError
from tests.e2e.harness.turns import Turns

from .test_tools import program

UPGRADE = ("helm upgrade", "kubectl create")
"""The second asks the webhook."""
GATEWAY = {"gateway": {"enabled": True}}
CALLS = """
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
words, text = sys.argv[3:], sys.stdin.read()
with (folder.parent / "calls").open("a") as calls:
    calls.write(json.dumps([folder.name, words, text]) + "\\n")
if words[0] == "list":
    print((folder / "releases").read_text())
if words[0] == (folder / "fails").read_text():
    sys.exit("it failed")
"""


class Settled:
    """A cluster whose controller is rolled out."""

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        counts = {"updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}
        spec = {"replicas": 1, "selector": {"matchLabels": {"name": "seldon"}}}
        found = {
            "metadata": {"name": name, "generation": 1},
            "spec": spec,
            "status": {"observedGeneration": 1, **counts},
        }
        return found if (api_version, kind, namespace) == ("apps/v1", "Deployment", "seldon-system") else None

    def objects(self, api_version: str, kind: str, namespace: str, *, labels: str) -> list[dict[str, Any]]:
        assert (api_version, kind, namespace, labels) == ("v1", "Pod", "seldon-system", "name=seldon")
        return [{"metadata": {"name": "controller-0"}}]


class Recorder:
    """A release on recording programs, and what they were asked."""

    def __init__(self, folder: Path, *, releases: str = "[]", fails: str = "") -> None:
        self.folder = folder
        (folder / "chart").mkdir()
        (folder / "chart" / "Chart.yaml").touch()
        tools = {}
        for name in ("helm", "kubectl"):
            (folder / name).mkdir()
            tools[name] = program(folder / name, CALLS)
            (folder / name / "releases").write_text(releases)
            (folder / name / "fails").write_text(fails)
        self._tools = tools
        turns = Turns(folder / "shared")
        self.turn = ExitStack()
        self.turn.enter_context(turns.alone())
        self.release = self.of_worker(turns)

    def of_worker(self, turns: Turns) -> Release:
        """The release as another worker knows it."""
        return Release(
            self._tools["helm"],
            self._tools["kubectl"],
            Settled(),  # type: ignore[arg-type] # what a release asks of a cluster is there
            self.folder / "chart",
            Timeouts(),
            always=GATEWAY,
            turns=turns,
        )

    def calls(self) -> list[tuple[str, str, str]]:
        """(program, its first word, its input) of each call."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [(name, words[0], text) for name, words, text in map(json.loads, lines)]

    def words(self) -> list[str]:
        return [f"{name} {word}" for name, word, _ in self.calls()]


def test_the_release_is_upgraded_only_where_the_profile_changes(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)

    for profile in (DEFAULT, DEFAULT, KFSERVING, KFSERVING):
        recorder.release.ensure(profile)

    assert recorder.words() == ["kubectl apply", "helm list", *UPGRADE, *UPGRADE]
    inputs = [json.loads(text) for _, word, text in recorder.calls() if word == "upgrade"]
    assert inputs == [GATEWAY, GATEWAY | dict(KFSERVING.values)]


def test_the_controllers_namespace_enforces_restricted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.release.ensure(DEFAULT)

    labels = json.loads(recorder.calls()[0][2])["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_controller_of_a_kept_release_is_restarted_for_images_of_the_same_tag(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, releases='[{"status": "deployed"}]')

    recorder.release.ensure(DEFAULT)
    recorder.release.ensure(KFSERVING)

    assert recorder.words() == [
        "kubectl apply",
        "helm list",
        "helm upgrade",
        "kubectl rollout",
        "kubectl create",
        *UPGRADE,
    ]
    assert CONTROLLER in (tmp_path / "calls").read_text()


def test_a_release_that_was_interrupted_is_removed_first(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, releases='[{"status": "pending-install"}]')

    recorder.release.ensure(DEFAULT)

    assert recorder.words() == ["kubectl apply", "helm list", "helm uninstall", *UPGRADE]


def test_the_end_uninstalls(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.release.ensure(KFSERVING)

    recorder.release.end(keep=False)

    assert recorder.words()[-1] == "helm uninstall"


def test_a_kept_release_gets_the_defaults_back(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.release.ensure(KFSERVING)

    recorder.release.end(keep=True)

    assert recorder.calls()[-2] == ("helm", "upgrade", json.dumps(GATEWAY))


def test_the_end_of_a_run_that_asked_for_no_release_does_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)

    recorder.release.end(keep=False)

    assert not (tmp_path / "calls").exists()


def test_a_failed_upgrade_is_told_and_tried_again_by_the_next_test(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, fails="upgrade")

    for _ in range(2):
        with pytest.raises(CommandError, match="exit status 1: it failed"):
            recorder.release.ensure(DEFAULT)

    assert recorder.words().count("helm upgrade") == 2

    recorder.release.end(keep=False)
    assert recorder.words()[-1] == "helm uninstall"


def test_a_folder_without_a_chart_is_named(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    (tmp_path / "chart" / "Chart.yaml").unlink()

    with pytest.raises(CommandError, match="chart holds no chart: give its folder with --chart-path"):
        recorder.release.ensure(DEFAULT)


def test_profiles_are_found_by_name() -> None:
    assert [profile.name for profile in PROFILES.values()] == list(PROFILES)
    assert next(iter(PROFILES)) == DEFAULT.name


def test_a_tests_own_upgrades_are_undone_for_the_next_one(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.release.ensure(KFSERVING)
    before = len(recorder.calls())

    recorder.release.upgrade_reusing_values({"a": "b"})
    recorder.release.roll_back()
    recorder.release.ensure(KFSERVING)

    # Without another look for what an interrupted run left.
    assert recorder.words()[before:] == [*UPGRADE, "helm rollback", "kubectl create", *UPGRADE]
    reused, restored = [text for _, word, text in recorder.calls()[before:] if word == "upgrade"]
    assert (json.loads(reused), json.loads(restored)) == ({"a": "b"}, GATEWAY | dict(KFSERVING.values))


def test_a_rollback_that_failed_makes_the_next_test_begin_anew(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, fails="rollback")
    recorder.release.ensure(KFSERVING)

    with pytest.raises(CommandError, match="exit status 1: it failed"):
        recorder.release.roll_back()
    recorder.release.ensure(KFSERVING)

    assert recorder.words()[-4:] == ["kubectl apply", "helm list", *UPGRADE]


def test_the_profile_is_known_to_other_workers(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.release.ensure(KFSERVING)
    before = len(recorder.calls())
    recorder.turn.close()

    turns = Turns(tmp_path / "shared")
    other = recorder.of_worker(turns)
    assert other.has(KFSERVING)
    with turns.alone():
        other.ensure(KFSERVING)
        other.ensure(DEFAULT)
        other.end(keep=False)

    # An upgrade, without another look for what an interrupted run left; what the first one made is removed.
    assert recorder.words()[before:] == [*UPGRADE, "helm uninstall"]
    assert not recorder.release.has(KFSERVING)


def test_who_is_not_alone_does_not_change_the_release(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.release.ensure(DEFAULT)
    before = recorder.words()
    recorder.turn.close()

    with pytest.raises(AssertionError, match="the marker `alone`"):
        recorder.release.roll_back()

    assert recorder.words() == before
    assert recorder.release.has(DEFAULT)
