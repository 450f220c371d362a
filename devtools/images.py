"""The product's images, and those of its tests: one Dockerfile each, the same with and without a registry."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import docker, gobuild, nodeimage
from .cache import key_of
from .paths import ROOT
from .progress import step
from .shell import run
from .venv import site_packages

REPOSITORY = "localhost/seldon-core"
SOURCES = ROOT / "images"
PACKAGE = ROOT / "src" / "seldon_core"
MINIO_PULLED = (
    "minio/minio:RELEASE.2025-09-07T16-13-09Z@sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e"
)


@dataclass(frozen=True)
class Image:
    """One image: what its Dockerfile finds beside it. `base` is the image of ours that it stands on, if any.

    `source` names the folder of its Dockerfile, where another image's is used.
    """

    name: str
    base: str = ""
    python_packages: bool = False
    our_package: bool = False
    rclone: gobuild.Recipe | None = None
    source: str = ""

    @property
    def folder(self) -> Path:
        """The folder with its Dockerfile."""
        return SOURCES / (self.source or self.name)


PRODUCT = (
    Image("python"),
    Image("operator", base="python", python_packages=True, our_package=True),
    Image("executor", base="python", python_packages=True, our_package=True),
    Image("sklearnserver", base="python", python_packages=True, our_package=True),
    Image("rclone-storage-initializer", base="python", our_package=True, rclone=gobuild.RCLONE),
)
ON_REQUEST = (
    Image(
        "rclone-storage-initializer-full",
        base="python",
        our_package=True,
        rclone=gobuild.RCLONE_FULL,
        source="rclone-storage-initializer",
    ),
)
"""Images that few need and that take long: built where asked for."""
FOR_TESTS = (
    Image("kfserving-storage-initializer", base="python", python_packages=True),
    Image("rclone"),
    Image("rclone-init-container-example", base="rclone"),
    Image("graph-example", base="sklearnserver"),
)
MINIO = "minio"


class UnknownImageError(Exception):
    """An image was asked for by a name that no image has."""


def version() -> str:
    """Return the product's version, which is the images' tag."""
    for line in (PACKAGE / "__init__.py").read_text().splitlines():
        if line.startswith("__version__"):
            return line.split('"')[1]
    raise AssertionError(f"{PACKAGE / '__init__.py'} has no __version__")


def tag(name: str) -> str:
    """Return an image's full name."""
    return f"{REPOSITORY}/{name}:{version()}"


def names(*, with_tests: bool, full: bool = False) -> list[str]:
    """Return the full names of the images that run in a cluster."""
    return [tag(image.name) for image in _chosen(with_tests=with_tests, full=full)[1:]]


def build(*, with_tests: bool, full: bool = False) -> list[str]:
    """Have the product's images in the Docker daemon; return their names.

    `with_tests` adds those of the tests, `full` those that few need.
    """
    docker.ensure()
    keys: dict[str, str] = {}
    for image in _chosen(with_tests=with_tests, full=full):
        keys[image.name] = _build(image, keys)
    return names(with_tests=with_tests, full=full)


def _chosen(*, with_tests: bool, full: bool) -> tuple[Image, ...]:
    return PRODUCT + (ON_REQUEST if full else ()) + (FOR_TESTS if with_tests else ())


def _build(image: Image, keys: dict[str, str]) -> str:
    source = image.folder
    under = tag(image.base) if image.base else nodeimage.base_image()
    # An image of ours is known by its recipe's key; a base from elsewhere, or from Debian's packages, by its content.
    parts: list[str | bytes | Path] = [source, keys[image.base] if image.base else docker.image_id(under)]
    extras: dict[str, Path] = {}
    if image.python_packages:
        extras["site-packages"] = site_packages(image.name, source / "requirements.txt")
    if image.our_package:
        extras["seldon_core"] = PACKAGE
    if image.rclone:
        extras["rclone"] = gobuild.build(image.rclone) / image.rclone.name
        extras["partsums"] = gobuild.build(gobuild.PARTSUMS) / "partsums"
    # An artefact's name holds the key of its recipe: no need to read a hundred megabytes to know them.
    parts += [PACKAGE if path == PACKAGE else f"{path.parent.name}/{path.name}" for name, path in extras.items()]
    parts += [f"{label}={text}" for label, text in _labels(image).items()]
    return docker.keyed_image(tag(image.name), parts, _maker(image, under, extras))


def _labels(image: Image) -> dict[str, str]:
    """Return what registries show of an image. Source: the OCI image specification's annotations."""
    told = {"title": image.name, "version": version(), "licenses": "Apache-2.0"}
    return {f"org.opencontainers.image.{name}": text for name, text in told.items()}


def _maker(image: Image, under: str, extras: dict[str, Path]) -> Callable[[dict[str, str]], None]:
    def make(labels: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            context = Path(scratch) / image.name
            shutil.copytree(image.folder, context)
            for name, path in extras.items():
                if path.is_dir():
                    shutil.copytree(path, context / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy2(path, context / name)
            docker.build(context, tag(image.name), labels=labels | _labels(image), arguments={"BASE": under})

    return make


def minio() -> str:
    """Have a MinIO image in the Docker daemon, pulled or built; return its name."""
    name = tag(MINIO)
    if docker.has_image(name) or docker.pull(MINIO_PULLED):
        if not docker.has_image(name):
            run(["docker", "tag", MINIO_PULLED, name])
        return name
    program = gobuild.build(gobuild.MINIO) / "minio"

    def make(labels: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            context = Path(scratch)
            shutil.copy2(program, context / "minio")
            lines = [
                "FROM scratch",
                "COPY minio /usr/bin/minio",
                'ENTRYPOINT ["/usr/bin/minio"]',
                'CMD ["server", "/data"]',
            ]
            (context / "Dockerfile").write_text("\n".join(lines) + "\n")
            docker.build(context, name, labels=labels)

    docker.keyed_image(name, [program.parent.name, key_of(Path(__file__))], make)
    return name


def push(registry: str, *, full: bool = False) -> None:
    """Push the product's images to a registry, under their own names there."""
    for name in build(with_tests=False, full=full):
        there = f"{registry.rstrip('/')}/{name.removeprefix('localhost/')}"
        with step(f"pushing {there}"):
            run(["docker", "tag", name, there])
            run(["docker", "push", there])
