"""Bad input to a running model: an HTTP error in Seldon's shape with a sentence, and the model goes on."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import images, manifests, prediction
from tests.e2e.harness.workspace import Workspace

REQUESTS = {
    "malformed JSON": ('{"data":{"ndarray":[[5.964, 4.006', r"json"),
    "wrong number of features": (prediction.request_of(5.964, 4.006, 2.081), r"\b3\b.*\b4\b|\b4\b.*\b3\b"),
    "features that are no numbers": (prediction.request_of("five", "four", "two", "one"), r"five|numeric|number|float"),
}


def test_bad_requests_get_an_error_and_harm_nothing(workspace: Workspace, subtests: pytest.Subtests) -> None:
    name, secret = "sklearn-iris", "seldon-rclone-secret"
    workspace.apply(manifests.rclone_secret(secret), manifests.iris(name, env_secret=secret))
    workspace.wait_available(name)
    workspace.wait_led(name)

    for fault, (body, telling) in REQUESTS.items():
        with subtests.test(fault):
            answer = workspace.predict(name, body)

            assert re.search(telling, prediction.assert_error(answer), re.IGNORECASE), str(answer)

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)
    restarts = [status["restartCount"] for pod in workspace.pods(name) for status in pod["status"]["containerStatuses"]]
    assert not any(restarts), "a bad request ended a container"
