"""Cases i and k: deletion takes everything along and can be taken back; creation is quick; a restart is respected."""

from __future__ import annotations

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.owned import Reference, controlled_by, owned_by
from tests.e2e.harness.waiting import wait_for
from tests.e2e.harness.watching import Arrivals
from tests.e2e.harness.workspace import Workspace

SECRET = "seldon-rclone-secret"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
# The promise of case k, not a deadline of the harness: no slow machine changes it.
PROMISED_SECONDS = 1.0


def test_i_delete_and_apply_again(workspace: Workspace) -> None:
    name = "sklearn-iris"
    documents = (manifests.rclone_secret(SECRET), manifests.iris(name, env_secret=SECRET))
    workspace.apply(*documents)
    sdep = workspace.wait_available(name)
    everything = workspace.cluster.everything(workspace.namespace)
    owned = owned_by(sdep["metadata"]["uid"], everything)
    ours = {(held.kind, held.name) for held in controlled_by(sdep["metadata"]["uid"], everything)}
    assert ours >= {
        ("Deployment", manifests.model_deployment(name)),
        ("Service", manifests.predictor_service(name)),
        ("Service", f"{name}-{manifests.PREDICTOR}-{manifests.UNIT}"),
    }
    assert {"ReplicaSet", "Pod", "EndpointSlice"} <= {held.kind for held in owned}

    workspace.delete_seldon_deployment(name)

    def all_gone() -> None:
        left = {manifest["metadata"]["uid"] for manifest in workspace.cluster.everything(workspace.namespace)}
        remaining: list[Reference] = sorted(held for held in owned if held.uid in left)
        assert not remaining, f"still there: {', '.join(map(str, remaining))}"

    wait_for(all_gone, what="the owned objects to go", seconds=workspace.timeouts.deletion)
    secrets = workspace.cluster.objects("v1", "Secret", workspace.namespace)
    assert SECRET in {secret["metadata"]["name"] for secret in secrets}, "the user's own secret must stay"

    workspace.apply(*documents)

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)


@pytest.mark.alone
def test_k_deployment_exists_within_a_second(workspace: Workspace) -> None:
    name = "sklearn-iris"
    seconds = workspace.timeouts.kubectl
    workspace.apply(manifests.rclone_secret(SECRET))
    applied = Arrivals(
        workspace.cluster, manifests.API_VERSION, "SeldonDeployment", workspace.namespace, seconds=seconds
    )
    created = Arrivals(workspace.cluster, "apps/v1", "Deployment", workspace.namespace, seconds=seconds)
    with applied, created:
        workspace.apply(manifests.iris(name, env_secret=SECRET))
        begin = applied.moment(name, seconds=seconds)
        end = created.moment(manifests.model_deployment(name), seconds=seconds)

    assert end - begin <= PROMISED_SECONDS, f"the Deployment came {end - begin:.2f} s after the SeldonDeployment"


def test_k_rollout_restart_is_respected(workspace: Workspace) -> None:
    name = "sklearn-iris"
    workspace.apply(manifests.rclone_secret(SECRET), manifests.iris(name, env_secret=SECRET))
    workspace.wait_available(name)
    before = {pod["metadata"]["uid"] for pod in workspace.pods(name)}

    workspace.restart(name)

    deployment = workspace.wait_rolled_out(name)
    restarted = deployment["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT]
    after = {pod["metadata"]["uid"] for pod in workspace.pods(name)}
    assert not before & after, "an old pod is still there"

    # The controller makes the node's Service anew, so it has looked at this SeldonDeployment after the restart.
    service = f"{name}-{manifests.PREDICTOR}-{manifests.UNIT}"
    old = workspace.cluster.get("v1", "Service", service, workspace.namespace)
    assert old is not None
    workspace.cluster.delete("v1", "Service", service, workspace.namespace)

    def remade() -> None:
        new = workspace.cluster.get("v1", "Service", service, workspace.namespace)
        assert new is not None, "the Service is not there"
        assert new["metadata"]["uid"] != old["metadata"]["uid"], "the old Service is still there"

    wait_for(remade, what=f"Service {service} to be made anew", seconds=workspace.timeouts.rollout)
    deployment = workspace.wait_rolled_out(name)
    assert deployment["spec"]["template"]["metadata"]["annotations"].get(RESTARTED_AT) == restarted
    assert {pod["metadata"]["uid"] for pod in workspace.pods(name)} == after, "the restart was taken back"
    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)
