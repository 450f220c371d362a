"""A bad change to a model that serves: it is named, and the model of before goes on answering."""

from __future__ import annotations

from tests.e2e.harness import images, manifests, prediction
from tests.e2e.harness.waiting import current_status, wait_for
from tests.e2e.harness.workspace import Workspace

NAME, SECRET = "sklearn-iris", "seldon-rclone-secret"


def test_bad_change_loses_nothing(workspace: Workspace) -> None:
    workspace.apply(manifests.rclone_secret(SECRET), manifests.iris(NAME, env_secret=SECRET))
    generation = workspace.wait_available(NAME)["metadata"]["generation"]

    refused = workspace.try_apply(manifests.iris(NAME, env_secret=SECRET, implementation="NO_SUCH_SERVER"))
    assert refused.returncode != 0, refused.stdout
    assert (workspace.seldon_deployment(NAME) or {})["metadata"]["generation"] == generation

    workspace.apply(manifests.iris(NAME, model_uri="s3://no-such-bucket/iris", env_secret=SECRET))

    def named() -> None:
        description = str(current_status(workspace.seldon_deployment(NAME), NAME).get("description", ""))
        assert "no-such-bucket" in description, f"the description is: {description}"

    wait_for(named, what="the description to name the bucket", seconds=workspace.timeouts.failure)
    deployment = workspace.cluster.get("apps/v1", "Deployment", manifests.model_deployment(NAME), workspace.namespace)
    assert deployment is not None
    assert deployment["status"]["availableReplicas"] == 1
    prediction.assert_iris(workspace.predict(NAME), unit=manifests.UNIT, image=images.SKLEARN_SERVER)

    workspace.apply(manifests.iris(NAME, env_secret=SECRET))
    workspace.wait_rolled_out(NAME)
    workspace.wait_available(NAME, tolerate_failed=True)
    prediction.assert_iris(workspace.predict(NAME), unit=manifests.UNIT, image=images.SKLEARN_SERVER)
