"""Asks checkov's Kubernetes checks about folders, each apart from the others, in one start of it.

This file is run by the Python of checkov's own environment, where nothing of ours is. Nine tenths of a start of checkov
are spent on loading its checks; its own command, given several folders, mixes what it finds in them.
"""

from __future__ import annotations

import json
import sys

from checkov.kubernetes.runner import Runner
from checkov.runner_filter import RunnerFilter


def main(folders: list[str]) -> None:
    """Print, for each folder, its failed checks and the files that could not be read, as JSON."""
    found = {}
    for folder in folders:
        report = Runner().run(root_folder=folder, runner_filter=RunnerFilter(framework=["kubernetes"]))
        failed = [
            {"id": each.check_id, "name": each.check_name, "resource": each.resource} for each in report.failed_checks
        ]
        found[folder] = {"failed": failed, "unread": report.parsing_errors}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
