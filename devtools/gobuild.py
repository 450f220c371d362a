"""Programs that are built from Go modules: one recipe folder a program, its versions pinned by go.mod and go.sum."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .cache import artefact, place_of
from .paths import ROOT, cache_dir
from .shell import run

RECIPES = ROOT / "devtools" / "recipes"
KUBERNETES_VERSION = "v1.34.4"
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
)
BUILD_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Recipe:
    """A Go module under devtools/recipes and the packages of it that are built. `stamps` are linker variables."""

    name: str
    packages: tuple[str, ...]
    stamps: tuple[tuple[str, str], ...] = ()
    module: str = ""
    """The recipe's folder, where it is not called as its artefact is."""

    @property
    def folder(self) -> Path:
        """The folder with go.mod and go.sum."""
        return RECIPES / (self.module or self.name)


KUBERNETES = Recipe(
    "kubernetes",
    tuple(f"k8s.io/kubernetes/cmd/{program}" for program in KUBERNETES_PROGRAMS),
    (
        ("k8s.io/component-base/version.gitVersion", KUBERNETES_VERSION),
        ("k8s.io/component-base/version.gitMajor", KUBERNETES_VERSION.split(".", maxsplit=1)[0].lstrip("v")),
        ("k8s.io/component-base/version.gitMinor", KUBERNETES_VERSION.split(".")[1]),
    ),
)
KIND = Recipe("kind", ("sigs.k8s.io/kind",))
HELM_VERSION = "v3.20.2"
HELM = Recipe(
    "helm",
    ("helm.sh/helm/v3/cmd/helm",),
    (
        ("helm.sh/helm/v3/internal/version.version", HELM_VERSION),
        # What Helm takes for the cluster's version where it renders without one.
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor", "1"),
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor", "34"),
        ("helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor", "1"),
        ("helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor", "34"),
    ),
)
HELM4_VERSION = "v4.3.1"
HELM4 = Recipe("helm4", ("helm.sh/helm/v4/cmd/helm",), (("helm.sh/helm/v4/internal/version.version", HELM4_VERSION),))
KUBECTL = Recipe("kubectl", ("k8s.io/kubernetes/cmd/kubectl",), KUBERNETES.stamps, module="kubernetes")
ETCD = Recipe("etcd", (".",))
COREDNS = Recipe("coredns", (".",))
MINIO = Recipe("minio", ("github.com/minio/minio",))
RCLONE = Recipe("rclone", (".",))
RCLONE_FULL = Recipe("rclone-full", (".",))
PARTSUMS = Recipe("partsums", (".",))
CONTOUR = Recipe("contour", ("github.com/projectcontour/contour/cmd/contour",))
ISTIO = Recipe("istio", ("istio.io/istio/pilot/cmd/pilot-discovery",))
REGISTRY = Recipe("registry", (".",))
KUBE_SCORE = Recipe("kube-score", ("github.com/zegl/kube-score/cmd/kube-score",), (("main.version", "v1.20.0"),))


class GoMissingError(Exception):
    """No usable Go toolchain is on PATH."""


def _environment() -> dict[str, str]:
    """Caches of Go below our own folder: an empty cache folder means a cold build, and cleaning up is one folder."""
    scratch = cache_dir() / "go"
    return {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -trimpath -modcacherw",
        "GOTOOLCHAIN": "local",
        "GOCACHE": str(scratch / "build"),
        "GOMODCACHE": str(scratch / "mod"),
    }


def place(recipe: Recipe) -> Path:
    """Return the folder that holds the recipe's programs, or will."""
    return place_of(recipe.name, _parts(recipe))


def _parts(recipe: Recipe) -> list[str | bytes | Path]:
    return [recipe.folder, *recipe.packages, *(f"{name}={value}" for name, value in recipe.stamps)]


def build(recipe: Recipe, *, unless_under_way: bool = False) -> Path:
    """Return the folder that holds the recipe's programs, built where they are not cached.

    Raises GoMissingError without a Go toolchain, CommandFailedError where the build fails, and with `unless_under_way`
    UnderWayError where another process is building them.
    """
    folder = recipe.folder

    def make(out: Path) -> None:
        if shutil.which("go") is None:
            raise GoMissingError(
                f"{recipe.name} is built from source: install Go {_go_version(folder)} or later and put `go` on PATH."
            )
        flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in recipe.stamps)])
        run(
            ["go", "build", "-ldflags", flags, "-o", f"{out}/", *recipe.packages],
            cwd=folder,
            env=_environment(),
            timeout=BUILD_TIMEOUT_SECONDS,
        )

    return artefact(recipe.name, _parts(recipe), make, unless_under_way=unless_under_way)


def _go_version(folder: Path) -> str:
    lines = (folder / "go.mod").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("go "))


def module_folder(recipe: Recipe, module: str) -> Path:
    """Return the unpacked source of a module that a recipe pins (fetched where it is not there)."""
    folder = recipe.folder
    run(["go", "mod", "download", module], cwd=folder, env=_environment())
    listed = run(["go", "list", "-m", "-f", "{{.Dir}}", module], cwd=folder, env=_environment())
    return Path(listed.stdout.strip())


def drop_scratch() -> None:
    """Remove Go's own caches, several GB that no finished build needs. `SELDON_KEEP_GO_CACHE=1` keeps them."""
    if os.environ.get("SELDON_KEEP_GO_CACHE") != "1":
        shutil.rmtree(cache_dir() / "go", ignore_errors=True)
