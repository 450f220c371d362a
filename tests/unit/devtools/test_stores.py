"""The stores of the tests: what is installed is pinned, and what is missing is said."""

from __future__ import annotations

import json
import shutil

import pytest

from devtools import stores


def test_azurite_and_all_below_it_are_pinned_with_digests() -> None:
    wanted = json.loads((stores.AZURITE / "package.json").read_text())["dependencies"]
    packages = json.loads((stores.AZURITE / "package-lock.json").read_text())["packages"]

    assert packages["node_modules/azurite"]["version"] == wanted["azurite"]
    assert all(package["integrity"].startswith("sha512-") for path, package in packages.items() if path)


def test_without_node_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(stores.NodeMissingError, match=r"install Node\.js 18 or later"):
        stores.azurite()
