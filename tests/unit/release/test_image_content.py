"""What is found in an image's files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from release import image_content
from release.image_content import Content, Package

STATUS = """\
Package: libssl3
Status: install ok installed
Source: openssl (3.0.9-1)
Version: 3.0.9-1+b1
Description: one
 Version: not this

Package: gone
Status: deinstall ok config-files
Version: 1

Package: base-files
Status: install ok installed
Version: 12.4
"""
FILES = {
    "var/lib/dpkg/status": STATUS + "\n" * 70_000,
    "opt/a/Some_Thing-1.0.dist-info/METADATA": "Name: Some_Thing\nVersion: 1.0\nLicense-Expression: MIT\n\nText",
    "opt/seldon/site-packages/seldon_core/__init__.py": '__version__ = "0.1.0"\n',
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "root/.netrc": "machine x",
    "etc/key.pem": "-----BEGIN RSA PRIVATE KEY-----\n",
    "opt/code.py": "MARK = '-----BEGIN PRIVATE KEY-----'",
    "usr/bin/su": "x",
}


@pytest.fixture
def content(tmp_path: Path) -> Content:
    archive = tmp_path / "files.tar"
    with tarfile.open(archive, "w") as out:
        for name, text in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o4755 if name.endswith("/su") else 0o644
            out.addfile(entry, io.BytesIO(text.encode()))
    found = Content()
    with tarfile.open(archive, "r|") as opened:
        for entry in opened:
            image_content._look(entry, opened, found)
    return found


def test_packages_are_found_with_what_vulnerabilities_know_them_by(content: Content) -> None:
    assert content.packages == [
        Package("deb", "libssl3", "3.0.9-1+b1", "", "openssl", "3.0.9-1"),
        Package("deb", "base-files", "12.4", "", "base-files", "12.4"),
        Package("pypi", "Some_Thing", "1.0", "MIT"),
    ]


def test_the_product_and_the_distribution_are_known(content: Content) -> None:
    assert (content.product, content.release) == ("0.1.0", "debian-12")


def test_keys_and_passwords_are_found_and_code_that_names_them_is_not(content: Content) -> None:
    assert content.suspicious == ["/root/.netrc", "/etc/key.pem"]
    assert content.set_id == ["/usr/bin/su"]
