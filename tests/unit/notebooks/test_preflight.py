"""Somebody who lacks what a notebook assumes reads one sentence in its first cell."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from devtools.notebooks import source
from notebooks import preflight
from notebooks.preflight import NotReadyError, check

IMAGE = "localhost/seldon-core/rclone:0.1.0"
NODES = {"items": [{"status": {"images": [{"names": [IMAGE]}]}}]}


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a cluster that has everything, and with no other program on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GATEWAY", "http://localhost:8003")
    monkeypatch.setattr(preflight, "LISTED_SECONDS", 0)
    (tmp_path / "nodes.json").write_text(json.dumps(NODES) + "\n")
    program(
        tmp_path,
        "kubectl",
        f'case "$*" in *nodes*) while read -r line; do echo "$line"; done < {tmp_path}/nodes.json; esac',
    )
    program(tmp_path, "curl", "exit 0")
    return tmp_path


def test_who_has_everything_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    check("kubectl", "curl", images=[IMAGE])

    assert "Ready: the cluster answers" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["kubectl", "helm", "curl", "seldonctl"])
def test_a_missing_program_is_named(machine: Path, name: str) -> None:
    (machine / name).unlink(missing_ok=True)

    with pytest.raises(NotReadyError, match=rf"^{name} is not there: .+\.$"):
        check(name)


def test_no_cluster_is_said_with_kubectls_words(machine: Path) -> None:
    refused = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
    program(machine, "kubectl", f'echo "memcache.go: noise" >&2; echo "{refused}" >&2; exit 1')

    with pytest.raises(NotReadyError) as error:
        check("kubectl")

    assert str(error.value).startswith(f"No cluster answers; kubectl says: {refused} Have a cluster")
    assert "noise" not in str(error.value)


@pytest.mark.parametrize(
    ("missing", "said"),
    [("crd", "The cluster has no Seldon Core"), ("service minio", "The cluster has no MinIO")],
)
def test_a_cluster_without_the_chart_or_minio_is_named(machine: Path, missing: str, said: str) -> None:
    program(machine, "kubectl", f'case "$*" in *"{missing}"*) echo NotFound >&2; exit 1; esac')

    with pytest.raises(NotReadyError, match=rf"^{said}.*scripts/quickstart"):
        check("kubectl")


def test_a_gateway_that_nobody_reaches_is_named(machine: Path) -> None:
    program(machine, "curl", "exit 7")

    with pytest.raises(NotReadyError, match=r"^Nothing answers at http://localhost:8003: set GATEWAY"):
        check("kubectl", "curl")


def test_a_gateway_that_has_no_route_yet_is_there(machine: Path) -> None:
    program(machine, "curl", "exit 52")

    check("kubectl", "curl")


def test_an_image_that_nobody_can_pull_and_no_node_has_is_named(machine: Path) -> None:
    (machine / "nodes.json").write_text(json.dumps({"items": [{"status": {"images": []}}]}) + "\n")

    with pytest.raises(NotReadyError, match=rf"^No node has the image {IMAGE}: .*scripts/images load --examples"):
        check("kubectl", images=[IMAGE])


def test_an_image_of_a_registry_is_not_looked_for(machine: Path) -> None:
    (machine / "nodes.json").write_text("{}")

    check("kubectl", images=["rclone/rclone"])


def test_a_node_that_does_not_tell_of_all_its_images_proves_nothing(machine: Path) -> None:
    others = [{"names": [f"localhost/other:{number}"]} for number in range(preflight.NODES_LIST_AT_MOST)]
    (machine / "nodes.json").write_text(json.dumps({"items": [{"status": {"images": others}}]}) + "\n")

    check("kubectl", images=[IMAGE])


def test_jupyter_shows_the_sentence_alone() -> None:
    assert NotReadyError("kubectl is not there.")._render_traceback_() == ["kubectl is not there."]


@pytest.mark.parametrize("path", source.stored(), ids=lambda path: path.stem)
def test_the_first_cell_that_does_anything_looks(path: Path) -> None:
    first = next(cell for cell in source.cells(source.load(path)) if cell.kind == "code")
    used = {
        name
        for name in preflight.WHERE_TO_GET
        if any(f"{name} " in c.text for c in source.cells(source.load(path)) if c.is_shell)
    }

    assert "preflight.check(" in first.text
    assert all(f'"{name}"' in first.text for name in used), f"{used} are used"
    assert os.environ["GATEWAY"]
