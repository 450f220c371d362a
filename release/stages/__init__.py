"""The stages, in the order in which they are run: what is quick to fail and needs least comes first.

Each module has one stage, `STAGE`. Modules of the cluster's stages stand on `release/lab*.py`, the others on Helm and
on the images.
"""

from __future__ import annotations

from release.stage import Stage

from . import (
    airgap,
    images,
    install,
    lint,
    package,
    policy,
    registry,
    reinstall,
    render,
    rollback,
    schema,
    smoke,
    uninstall,
    upgrade,
)

ALL: tuple[Stage, ...] = (
    lint.STAGE,
    schema.STAGE,
    render.STAGE,
    policy.STAGE,
    images.STAGE,
    package.STAGE,
    install.STAGE,
    smoke.STAGE,
    upgrade.STAGE,
    rollback.STAGE,
    uninstall.STAGE,
    reinstall.STAGE,
    registry.STAGE,
    airgap.STAGE,
)
