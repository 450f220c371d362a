"""What is carried to a place without any network: the chart, the images, a list of them, checksums, and how to load."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devtools.shell import run

IMAGES = "images.tar"
LIST = "images.txt"
SUMS = "SHA256SUMS"
LOADER = "load.sh"
SCRIPT = """\
#!/bin/sh
# Loads the images of this bundle where no registry can be reached. Nothing is loaded that is not what was packed.
#   sh load.sh node                        into the containerd of this node
#   sh load.sh docker                      into this machine's Docker
#   sh load.sh push registry.example/team  through Docker into a registry: then install with global.imageRegistry
# Then: helm upgrade --install seldon-core ./CHART --namespace seldon-system --create-namespace --wait
set -eu
cd "$(dirname "$0")"
sha256sum --check --quiet SHA256SUMS
case "${1:-}" in
    node) ctr --namespace k8s.io images import images.tar ;;
    docker) docker load --input images.tar ;;
    push)
        registry="${2:?name the registry to push to}"
        docker load --input images.tar
        while read -r image digest; do
            there="${registry%/}/${image#localhost/}"
            echo "pushing $there ($digest)"
            docker tag "$image" "$there"
            docker push "$there"
        done < images.txt ;;
    *)
        echo "load.sh: say where to load the images: node, docker, or push REGISTRY." >&2
        exit 2 ;;
esac
"""


class BundleError(AssertionError):
    """A bundle is not what was packed; the text says which file."""


@dataclass(frozen=True)
class Bundle:
    """A folder with a bundle in it."""

    folder: Path

    @property
    def package(self) -> Path:
        """The chart's package. Raises BundleError where there is not exactly one."""
        found = sorted(self.folder.glob("*.tgz"))
        if len(found) != 1:
            raise BundleError(f"{self.folder} holds {len(found)} packages of charts instead of one.")
        return found[0]

    def images(self) -> dict[str, str]:
        """The images by their names, with the digests of their configurations, by which Docker and nodes know them."""
        lines = (self.folder / LIST).read_text().splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def verify(self) -> None:
        """Raise BundleError where a file is missing, is not what was packed, or the list is not what the images are."""
        for line in (self.folder / SUMS).read_text().splitlines():
            digest, name = line.split("  ", 1)
            if not (self.folder / name).is_file():
                raise BundleError(f"{name} is missing in {self.folder}.")
            if sha256(self.folder / name) != digest:
                raise BundleError(f"{name} in {self.folder} is not what was packed.")
        held = images_in(self.folder / IMAGES)
        if held != self.images():
            raise BundleError(f"{LIST} and {IMAGES} in {self.folder} do not tell the same images.")


def pack(folder: Path, chart: Path, names: Sequence[str], helm: str) -> Bundle:
    """Make a bundle of a chart's folder and of images that Docker has. Raises CommandFailedError."""
    folder.mkdir(parents=True, exist_ok=True)
    run([helm, "package", chart, "--destination", folder])
    run(["docker", "save", "--output", folder / IMAGES, *names])
    lines = (f"{name} {digest}\n" for name, digest in sorted(images_in(folder / IMAGES).items()))
    (folder / LIST).write_text("".join(lines))
    (folder / LOADER).write_text(SCRIPT.replace("CHART", Bundle(folder).package.name))
    (folder / LOADER).chmod(0o755)
    packed = sorted(file for file in folder.iterdir() if file.name != SUMS)
    (folder / SUMS).write_text("".join(f"{sha256(file)}  {file.name}\n" for file in packed))
    return Bundle(folder)


def images_in(archive: Path) -> dict[str, str]:
    """The names in a Docker archive, and the digest of each one's configuration, computed from what is in it."""
    found: dict[str, str] = {}
    with tarfile.open(archive) as opened:
        for image in json.load(_file(opened, "manifest.json")):
            digest = hashlib.sha256(_file(opened, image["Config"]).read()).hexdigest()
            found |= dict.fromkeys(image["RepoTags"] or (), f"sha256:{digest}")
    return found


def sha256(file: Path) -> str:
    """A file's checksum, as sha256sum prints it."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _file(opened: tarfile.TarFile, name: str) -> IO[bytes]:
    found = opened.extractfile(name)
    if found is None:
        raise BundleError(f"the archive of the images holds no {name}.")
    return found
