"""What the corpus's tests need, said by marks: `offline`, `images`, `cluster`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for mark, what in {
        "offline": "needs programs alone: --need helm,policy",
        "images": "needs the product's images: --need helm,audit,images",
        "cluster": "needs the pipeline's own cluster: --need release-cluster,registry",
    }.items():
        config.addinivalue_line("markers", f"{mark}: {what}")
