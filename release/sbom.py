"""Software bills of materials: CycloneDX, checked against its own schema."""

from __future__ import annotations

from collections.abc import Sequence

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from .image_content import Package

VERSION = SchemaVersion.V1_6


def purl(package: Package, release: str = "") -> PackageURL:
    """Return a package's URL; `release` is the distribution's, for Debian packages."""
    if package.ecosystem == "golang":
        namespace, _, name = package.name.rpartition("/")
        return PackageURL("golang", namespace or None, name, package.version)
    if package.ecosystem == "deb":
        return PackageURL("deb", "debian", package.name, package.version, {"distro": release} if release else None)
    return PackageURL("pypi", None, package.name.lower().replace("_", "-"), package.version)


def bill(image: str, image_id: str, packages: Sequence[Package], release: str) -> str:
    """Return the bill of an image as JSON."""
    name, _, version = image.partition("@")[0].rpartition(":")
    bom = Bom()
    root = Component(type=ComponentType.CONTAINER, name=name, version=version, bom_ref=image_id)
    bom.metadata.component = root
    for package in dict.fromkeys(packages):
        address = purl(package, release)
        licences = [LicenseFactory().make_from_string(package.licence)] if package.licence else []
        bom.components.add(
            Component(
                type=ComponentType.LIBRARY,
                name=package.name,
                version=package.version,
                purl=address,
                bom_ref=str(address),
                licenses=licences,
            )
        )
    bom.register_dependency(root, bom.components)
    text: str = make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=1)
    return text


def faults(text: str) -> str:
    """Say what is wrong with a bill by CycloneDX's schema; nothing where it is right."""
    wrong = JsonStrictValidator(VERSION).validate_str(text)
    return "" if wrong is None else str(wrong)[:300]
