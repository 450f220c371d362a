"""A bundle is what was packed, or it is refused; its script loads nothing of one that was changed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from release.lab_bundle import IMAGES, LIST, LOADER, SCRIPT, SUMS, Bundle, BundleError, images_in, sha256

NAME = "localhost/seldon-core/operator:1.0"
CONFIGURATION = b'{"architecture":"amd64"}'
DIGEST = f"sha256:{hashlib.sha256(CONFIGURATION).hexdigest()}"


def archive(path: Path, names: list[str], configuration: bytes = CONFIGURATION) -> None:
    """An archive as `docker save` writes it, without layers."""
    manifest = json.dumps([{"Config": "c.json", "RepoTags": names, "Layers": []}]).encode()
    with tarfile.open(path, "w") as opened:
        for name, content in (("c.json", configuration), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    archive(tmp_path / IMAGES, [NAME])
    (tmp_path / "chart-1.0.tgz").write_bytes(b"chart")
    (tmp_path / LIST).write_text(f"{NAME} {DIGEST}\n")
    (tmp_path / LOADER).write_text(SCRIPT)
    write_sums(tmp_path)
    return Bundle(tmp_path)


def write_sums(folder: Path) -> None:
    files = sorted(file for file in folder.iterdir() if file.name != SUMS)
    (folder / SUMS).write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))


def test_a_bundle_as_packed_is_good_and_tells_its_images(bundle: Bundle) -> None:
    bundle.verify()

    assert bundle.images() == {NAME: DIGEST} == images_in(bundle.folder / IMAGES)
    assert bundle.package.name == "chart-1.0.tgz"


def test_a_changed_file_is_named(bundle: Bundle) -> None:
    bundle.package.write_bytes(b"another chart")

    with pytest.raises(BundleError, match=r"chart-1\.0\.tgz .* is not what was packed"):
        bundle.verify()


def test_a_missing_file_is_named(bundle: Bundle) -> None:
    (bundle.folder / LOADER).unlink()

    with pytest.raises(BundleError, match=r"load\.sh is missing"):
        bundle.verify()


def test_a_list_of_other_images_than_are_there_is_refused(bundle: Bundle) -> None:
    archive(bundle.folder / IMAGES, [NAME], b"{}")
    write_sums(bundle.folder)

    with pytest.raises(BundleError, match="do not tell the same images"):
        bundle.verify()


def test_two_charts_are_one_too_many(bundle: Bundle) -> None:
    (bundle.folder / "other-1.0.tgz").touch()

    with pytest.raises(BundleError, match="2 packages"):
        _ = bundle.package


def load(bundle: Bundle, programs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The script, with a `ctr` and a `docker` that write down what they are asked for."""
    programs.mkdir(exist_ok=True)
    for name in ("ctr", "docker"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{programs}/asked"\n')
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    command = ["sh", str(bundle.folder / LOADER), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_script_loads_into_a_node_and_pushes_under_the_registrys_name(bundle: Bundle, tmp_path: Path) -> None:
    programs = tmp_path.parent / f"{tmp_path.name}-programs"

    assert load(bundle, programs, "node").returncode == 0
    assert load(bundle, programs, "push", "registry.example.org/team/").returncode == 0

    there = "registry.example.org/team/seldon-core/operator:1.0"
    assert (programs / "asked").read_text().splitlines() == [
        "ctr --namespace k8s.io images import images.tar",
        "docker load --input images.tar",
        f"docker tag {NAME} {there}",
        f"docker push {there}",
    ]


def test_the_script_loads_nothing_of_a_changed_bundle_and_asks_where_to(bundle: Bundle, tmp_path: Path) -> None:
    programs = tmp_path.parent / f"{tmp_path.name}-programs"

    unsaid = load(bundle, programs)
    assert (unsaid.returncode, "say where" in unsaid.stderr) == (2, True)
    bundle.package.write_bytes(b"another chart")
    assert load(bundle, programs, "node").returncode != 0
    assert not (programs / "asked").exists()
