"""Everything that is built or downloaded is pinned, and the pins agree with each other."""

from __future__ import annotations

import re

import pytest

from devtools import gobuild, images, nodeimage
from devtools.locks import LOCKS
from devtools.paths import ROOT

ALL_RECIPES = [r for r in vars(gobuild).values() if isinstance(r, gobuild.Recipe)]


@pytest.mark.parametrize("recipe", ALL_RECIPES, ids=lambda r: r.name)
def test_a_recipe_names_a_module_with_sums(recipe: gobuild.Recipe) -> None:
    assert (recipe.folder / "go.mod").is_file()
    assert (recipe.folder / "go.sum").stat().st_size > 0


def test_the_kubernetes_recipe_is_the_version_that_the_images_are_named_for() -> None:
    text = (gobuild.KUBERNETES.folder / "go.mod").read_text()

    assert f"k8s.io/kubernetes {gobuild.KUBERNETES_VERSION}" in text
    assert all(name.endswith(gobuild.KUBERNETES_VERSION) for name in nodeimage.CONTROL_PLANE)


def test_kind_is_the_version_whose_node_image_is_pulled() -> None:
    assert "sigs.k8s.io/kind v0.30.0" in (gobuild.KIND.folder / "go.mod").read_text()
    assert re.fullmatch(r"kindest/node:v1\.34\.\d+@sha256:[0-9a-f]{64}", nodeimage.PULLED)


@pytest.mark.parametrize("image", [nodeimage.PULLED, nodeimage.PULLED_BASE, images.MINIO_PULLED])
def test_a_pulled_image_is_pinned_by_digest(image: str) -> None:
    assert re.search(r":[^@]+@sha256:[0-9a-f]{64}$", image)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.out.relative_to(ROOT)))
def test_a_lock_pins_every_package_with_hashes(lock) -> None:  # noqa: ANN001  # Lock, by parametrisation
    lines = lock.out.read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#", "--"))]

    assert packages
    assert all(re.match(r"[A-Za-z0-9._\[\]-]+==[^ ]+", line) for line in packages)
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages)


def test_images_carry_the_products_version() -> None:
    from seldon_core import __version__

    assert images.version() == __version__
    assert images.tag("operator") == f"localhost/seldon-core/operator:{__version__}"


EVERY_IMAGE = images.PRODUCT + images.ON_REQUEST + images.FOR_TESTS


@pytest.mark.parametrize("image", EVERY_IMAGE, ids=lambda image: image.name)
def test_an_image_has_a_dockerfile_and_what_it_is_said_to_need(image: images.Image) -> None:
    folder = image.folder

    assert (folder / "Dockerfile").is_file()
    assert (folder / "requirements.txt").is_file() == image.python_packages
