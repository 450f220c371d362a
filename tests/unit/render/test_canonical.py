"""Quantities in the form in which the API server stores them (Kubernetes API reference, Quantity)."""

from typing import Any

import pytest

from seldon_core.operator.render.canonical import quantity


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0.5", "500m"), ("0.1", "100m"), (1, "1"), (0.5, "500m"), ("1000m", "1"), ("1500m", "1500m"), ("2", "2"),
        ("1Gi", "1Gi"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("512Mi", "512Mi"), ("1000Mi", "1000Mi"),
        ("1000k", "1M"), ("1024", "1024"), ("1000", "1k"), ("0", "0"), ("0Mi", "0"), ("100Ki", "100Ki"),
        ("lots", "lots"), ("1e3", "1e3"), ("", ""),
    ],
)  # fmt: skip
def test_stored_form(given: Any, stored: Any) -> None:
    assert quantity(given) == stored


@pytest.mark.parametrize("text", ["1.5Gi", "0.5", "250m", "3", "1000k"])
def test_the_stored_form_stays(text: Any) -> None:
    assert quantity(quantity(text)) == quantity(text)
