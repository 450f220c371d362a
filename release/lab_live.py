"""Two releases and the models that live under both: what a stage starts from, made where it is not there.

Both charts often name the same images, as two commits of one version do. So that an upgrade replaces every pod as it
does at a user's, the previous release runs its images under tags of their own, which the node is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import values as chart_values
from .chart import content_key
from .lab_models import Models
from .lab_stage import Visit
from .lab_values import retagged, values_with
from .stage import StageBrokenError

FORMER = "-previous"


@dataclass
class Live:
    """The releases of one visit, and its models. `origin_of_images` says what the previous release ran."""

    visit: Visit
    models: Models = field(init=False)
    origin_of_images: str = ""

    def __post_init__(self) -> None:
        self.models = Models(self.visit.lab)

    @property
    def name(self) -> str:
        """The release under test, for people."""
        return f"{self.visit.chart.name} {self.visit.chart.version} ({self.visit.chart.source})"

    @property
    def previous_name(self) -> str:
        """What it replaces, for people."""
        previous = self.visit.previous
        return f"{previous.name} {previous.version} ({previous.source})"

    @property
    def mark(self) -> str:
        """What helm's history says of a revision of this release, with its own values."""
        return f"release-validate {content_key(self.visit.chart)}"

    @property
    def former_mark(self) -> str:
        """The same of the previous release."""
        return f"release-validate previous {content_key(self.visit.previous)}"

    @property
    def reused(self) -> str:
        """The same of this release with the values of the previous one."""
        return f"{self.mark} with the values of before"

    @cached_property
    def images(self) -> tuple[str, ...]:
        """The images of ours in this release."""
        return chart_values.own_images(chart_values.in_force(self.visit.context))

    @cached_property
    def former_images(self) -> tuple[str, ...]:
        """The images of ours in the previous release."""
        return tuple(f"{name}{FORMER}" for name in chart_values.own_images(self._former_defaults))

    @property
    def former_values(self) -> dict[str, Any]:
        """What the previous release is installed with."""
        return values_with(self.visit.values, retagged(self._former_defaults, lambda _, tag: f"{tag}{FORMER}"))

    def clean(self) -> None:
        """Have neither a release nor any of the models."""
        self.visit.release.purge()
        self.visit.lab.drop_namespace(self.models.workspace.namespace)
        self.models = Models(self.visit.lab)

    def install_previous(self) -> None:
        """Have the previous release, and nothing of this one."""
        self._give_former_images()
        self.visit.release.install(self.visit.previous.folder, self.former_values, mark=self.former_mark)

    def have_installed(self) -> None:
        """Have this release with its models answering."""
        self.visit.release.install(self.visit.chart.folder, self.visit.values, mark=self.mark)
        self.models.ensure()
        self.models.wait_images(self.images)

    def have_upgraded(self) -> int:
        """Have this release on top of the previous one, with its models; the revision that is the way back."""
        history = self.visit.release.history()
        before = [entry["revision"] for entry in history if entry["description"] == self.former_mark]
        if not before or history[-1]["description"] != self.mark:
            self.clean()
            self.install_previous()
            self.models.ensure()
            before = [self.visit.release.revision()]
            self.visit.release.upgrade(self.visit.chart.folder, self.visit.values, reuse=False, mark=self.mark)
        else:
            self._give_former_images()
        self.models.ensure()
        self.models.wait_images(self.images)
        return int(before[-1])

    def have_uninstalled(self) -> None:
        """Have the models answering without any release."""
        if self.visit.release.revision() or not self.models.present():
            self.have_installed()
            self.visit.release.uninstall()
        self.models.assert_answer()

    @cached_property
    def _former_defaults(self) -> dict[str, Any]:
        merged = chart_values.defaults(self.visit.previous)
        for file in self.visit.context.values:
            chart_values.overlay(merged, chart_values.load(file))
        return merged

    def _give_former_images(self) -> None:
        """Name the previous release's images in the node as it is going to name them."""
        names = chart_values.own_images(self._former_defaults)
        self.visit.lab.load(names)
        there = set(self.visit.lab.images_in_node())
        borrowed = []
        for name in names:
            repository, _, _ = name.rpartition(":")
            todays = [image for image in self.images if image.rpartition(":")[0] == repository]
            source = next((image for image in (name, *todays) if image in there), "")
            if not source:
                raise StageBrokenError(
                    f"the previous release's image {name} is neither in the node nor in Docker, and this release has "
                    "none in its place: build or pull it first."
                )
            if source in todays:
                borrowed.append(repository.rpartition("/")[2])
            tag = ("ctr", "-n", "k8s.io", "images", "tag", "--force")
            self.visit.lab.in_node(*tag, source, f"{name}{FORMER}").checked()
        self.origin_of_images = (
            f"it ran this release's images under other tags, its own having the same names: {', '.join(borrowed)}"
            if borrowed
            else "it ran with its own images"
        )
