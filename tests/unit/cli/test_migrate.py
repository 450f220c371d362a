"""`seldonctl migrate storage` against a fake API server. The mistakes of the script that it replaces are cases."""

import asyncio
import base64
import copy
import json
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import SDEPS, Bench, Object, refuse
from tests.unit.kube.fake_api import FakeApi

pytestmark = pytest.mark.asyncio

SECRETS = "api/v1/secrets"
ACCOUNTS = "api/v1/serviceaccounts"
CONFIG_MAPS = "api/v1/configmaps"
PODS = "api/v1/pods"
MINIO = "minio.minio-system.svc.cluster.local:9000"
KFSERVING = {
    "AWS_ACCESS_KEY_ID": "an-access-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    "AWS_ENDPOINT_URL": f"http://{MINIO}",
    "USE_SSL": "false",
}
OF_ACCOUNT = {"awsAccessKeyID": "an-access-key", "awsSecretAccessKey": "a-secret-key"}
ANNOTATIONS = {"machinelearning.seldon.io/s3-endpoint": MINIO, "machinelearning.seldon.io/s3-usehttps": "0"}
VALUES = ("-o", "json", "--set", "predictiveUnit.defaultEnvSecretRefName=")


def secret(name: str, data: dict[str, str], **metadata: Any) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "ns"} | metadata,
        "data": encoded,
    }


def account(name: str, *secrets: str) -> Object:
    found: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "ns"}}
    # On Kubernetes 1.24 and newer an account without secrets of one's own has no such list at all.
    return found | ({"secrets": [{"name": each} for each in secrets]} if secrets else {})


def node(name: str = "classifier", uri: str = "s3://sklearn/iris", **fields: Any) -> Object:
    return {"name": name, "implementation": "SKLEARN_SERVER", "modelUri": uri, **fields}


def sdep(name: str, *graphs: Object, **predictor: Any) -> Object:
    predictors = [{"name": f"p{number}", "graph": graph, **predictor} for number, graph in enumerate(graphs)]
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-of-{name}"},
        "spec": {"predictors": predictors},
    }


def decoded(api: FakeApi, name: str) -> dict[str, str]:
    found = api.find(SECRETS, "ns", name)
    assert found is not None
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def graph_of(api: FakeApi, name: str, predictor: int = 0) -> Object:
    found = api.find(SDEPS, "ns", name)
    assert found is not None
    graph: Object = found["spec"]["predictors"][predictor]["graph"]
    return graph


async def seeds(bench: Bench) -> None:
    """The two deployments of the upgrade document."""
    await bench.put(SECRETS, secret("seldon-kfserving-secret", KFSERVING))
    await bench.put(SDEPS, sdep("sklearn-iris-secret", node(envSecretRefName="seldon-kfserving-secret")))
    await bench.put(SECRETS, secret("minio-sa-secret", OF_ACCOUNT, annotations=ANNOTATIONS))
    await bench.put(ACCOUNTS, account("minio-sa", "minio-sa-secret"))
    await bench.put(SDEPS, sdep("sklearn-iris-sa", node(serviceAccountName="minio-sa")))


async def planned(bench: Bench, *words: str) -> dict[str, Any]:
    _, out, err = await bench.run("migrate", "storage", *VALUES, *words)
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


async def states(bench: Bench) -> dict[str, str]:
    return {f"{each['deployment']} {each['node']}": each["state"] for each in (await planned(bench))["models"]}


async def test_the_plan_writes_nothing_and_shows_no_secret(bench: Bench) -> None:
    await seeds(bench)
    shown = ""
    for form in ("text", "json", "yaml"):
        code, out, err = await bench.run("migrate", "storage", "-o", form)
        assert code == 1
        shown += out + err

    assert bench.api.writes() == []
    assert "an-access-key" not in shown
    assert "a-secret-key" not in shown
    assert "ns/seldon-kfserving-secret is extended (for sklearn-iris-secret/classifier)" in shown
    assert "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY <- AWS_SECRET_ACCESS_KEY" in shown
    assert "ns/sklearn-iris-sa spec.predictors[0].graph.envSecretRefName (none) -> minio-sa-secret" in shown
    assert "2 models: 2 to migrate, 0 done, 0 with nothing to do, 0 by hand." in shown


async def test_apply_migrates_both_ways_of_giving_credentials(bench: Bench) -> None:
    await seeds(bench)
    before = copy.deepcopy(bench.api.find(SDEPS, "ns", "sklearn-iris-secret"))
    code, _, err = await bench.run("migrate", "storage", "--apply")

    assert code == 0, err
    for name in ("seldon-kfserving-secret", "minio-sa-secret"):
        data = decoded(bench.api, name)
        assert data["RCLONE_CONFIG_S3_ENDPOINT"] == f"http://{MINIO}"
        assert data["RCLONE_CONFIG_S3_PROVIDER"] == "Minio"
        assert data["RCLONE_CONFIG_S3_SECRET_ACCESS_KEY"] == "a-secret-key"
    # The old initializer goes on with the old keys, and no pod of a model with a secret of its own is replaced.
    assert KFSERVING.items() <= decoded(bench.api, "seldon-kfserving-secret").items()
    assert bench.api.find(SDEPS, "ns", "sklearn-iris-secret") == before
    assert graph_of(bench.api, "sklearn-iris-sa")["envSecretRefName"] == "minio-sa-secret"


async def test_only_the_place_that_changes_is_written_under_a_name_of_its_own(bench: Bench) -> None:
    await seeds(bench)
    await bench.run("migrate", "storage", "sklearn-iris-sa", "--apply")
    (patch,) = [call for call in bench.api.writes() if "seldondeployments" in call.path]

    assert patch.query["fieldManager"] == "seldonctl-migrate-storage"
    steps: Any = patch.body
    assert steps == [
        {"op": "test", "path": "/spec/predictors/0/graph/modelUri", "value": "s3://sklearn/iris"},
        {"op": "add", "path": "/spec/predictors/0/graph/envSecretRefName", "value": "minio-sa-secret"},
    ]
    # One that was not named is not touched.
    assert decoded(bench.api, "seldon-kfserving-secret") == KFSERVING


async def test_a_second_time_nothing_is_left_to_do(bench: Bench) -> None:
    await seeds(bench)
    await bench.run("migrate", "storage", "--apply")
    writes = len(bench.api.writes())
    code, out, _ = await bench.run("migrate", "storage", "--apply")

    assert (code, len(bench.api.writes())) == (0, writes)
    assert "2 models: 0 to migrate, 2 done" in out


async def test_rollback_restores_every_byte(bench: Bench) -> None:
    await seeds(bench)

    def contents() -> dict[tuple[str, str, str], Object]:
        return {key: {k: v for k, v in obj.items() if k != "metadata"} for key, obj in bench.api.objects.items()}

    before = contents()
    await bench.run("migrate", "storage", "--apply")
    await bench.run("migrate", "storage", "sklearn-iris-sa", "--image", "new:1", "--apply")
    assert graph_of(bench.api, "sklearn-iris-sa")["storageInitializerImage"] == "new:1"
    record = bench.api.find(CONFIG_MAPS, "ns", "seldon-storage-migration")
    assert record is not None
    assert "a-secret-key" not in json.dumps(record)
    code, _, err = await bench.run("migrate", "storage", "--rollback")

    assert (code, contents()) == (0, before), err
    assert (await bench.run("migrate", "storage", "--rollback"))[2] == "No migration is on record.\n"


async def test_rollback_of_one_leaves_the_other(bench: Bench) -> None:
    await seeds(bench)
    await bench.put(SDEPS, sdep("wine", node(serviceAccountName="minio-sa")))
    await bench.run("migrate", "storage", "--apply")
    code, _, err = await bench.run("migrate", "storage", "wine", "--rollback")

    assert code == 0
    assert "ns/minio-sa-secret: secret stays for sklearn-iris-sa" in err
    assert "envSecretRefName" not in graph_of(bench.api, "wine")
    assert graph_of(bench.api, "sklearn-iris-sa")["envSecretRefName"] == "minio-sa-secret"
    assert "RCLONE_CONFIG_S3_TYPE" in decoded(bench.api, "minio-sa-secret")


async def test_rollback_leaves_what_somebody_changed_since(bench: Bench) -> None:
    await seeds(bench)
    await bench.run("migrate", "storage", "--apply")

    def edit(obj: Object) -> None:
        obj["spec"]["predictors"][0]["graph"]["envSecretRefName"] = "mine"

    await bench.api.change(SDEPS, "ns", "sklearn-iris-sa", edit)
    code, _, err = await bench.run("migrate", "storage", "--rollback")

    assert code == 1
    assert "ns/sklearn-iris-sa: envSecretRefName of classifier was changed since: left as it is." in err
    assert graph_of(bench.api, "sklearn-iris-sa")["envSecretRefName"] == "mine"


async def test_every_node_of_every_predictor_and_explainers(bench: Bench) -> None:
    # The seeds' script looked at the root of each graph alone.
    await bench.put(SECRETS, secret("old", KFSERVING))
    deep = node("deep", envSecretRefName="old")
    router = {"name": "router", "implementation": "RANDOM_ABTEST", "children": [node("a"), node("b", children=[deep])]}
    explainer = {"type": "AnchorTabular", "modelUri": "s3://sklearn/explainer", "serviceAccountName": "minio-sa"}
    await bench.put(SECRETS, secret("minio-sa-secret", OF_ACCOUNT, annotations=ANNOTATIONS))
    await bench.put(ACCOUNTS, account("minio-sa", "minio-sa-secret"))
    await bench.put(SDEPS, sdep("graph", node("first"), router, explainer=explainer))
    found = {each["path"]: each for each in (await planned(bench))["models"]}

    assert {path: each["state"] for path, each in found.items()} == {
        "spec.predictors[0].graph": "nothing",
        "spec.predictors[0].explainer": "migrate",
        "spec.predictors[1].graph.children[0]": "nothing",
        "spec.predictors[1].graph.children[1]": "nothing",
        "spec.predictors[1].graph.children[1].children[0]": "migrate",
        "spec.predictors[1].explainer": "migrate",
    }
    await bench.run("migrate", "storage", "--apply")
    stored = bench.api.find(SDEPS, "ns", "graph")
    assert stored is not None
    assert [p["explainer"]["envSecretRefName"] for p in stored["spec"]["predictors"]] == ["minio-sa-secret"] * 2


async def test_an_account_without_secrets_and_a_secret_without_annotations(bench: Bench) -> None:
    # The seeds' script crashed on each of these.
    await bench.put(ACCOUNTS, account("bare"))
    await bench.put(SDEPS, sdep("bare", node(serviceAccountName="bare")))
    await bench.put(SECRETS, secret("plain", OF_ACCOUNT))
    await bench.put(ACCOUNTS, account("aws", "plain"))
    await bench.put(SDEPS, sdep("aws", node(serviceAccountName="aws")))
    await bench.put(SDEPS, sdep("gone", node(serviceAccountName="nobody")))
    await bench.put(SDEPS, sdep("lost", node(envSecretRefName="lost")))
    found = {each["deployment"]: each for each in (await planned(bench))["models"]}

    assert {name: each["state"] for name, each in found.items()} == {
        "bare": "nothing", "aws": "migrate", "gone": "hand", "lost": "hand",
    }  # fmt: skip
    assert found["gone"]["reason"] == "service account nobody does not exist"
    assert found["lost"]["reason"] == "secret lost does not exist"
    code, _, _ = await bench.run("migrate", "storage", "--apply")
    assert code == 1
    # AWS without an endpoint, and its provider, which the seeds' script took for MinIO in any case.
    assert decoded(bench.api, "plain")["RCLONE_CONFIG_S3_PROVIDER"] == "AWS"


async def test_the_pods_account_the_default_account_and_the_default_secret(bench: Bench) -> None:
    await bench.put(SECRETS, secret("minio-sa-secret", OF_ACCOUNT, annotations=ANNOTATIONS))
    for name in ("minio-sa", "default"):
        await bench.put(ACCOUNTS, account(name, "minio-sa-secret"))
    pod = {"spec": {"serviceAccountName": "minio-sa", "containers": [{"name": "classifier"}]}}
    await bench.put(SDEPS, sdep("pod", node(), componentSpecs=[pod]))
    await bench.put(SDEPS, sdep("default", node()))
    assert await states(bench) == {"pod classifier": "migrate", "default classifier": "migrate"}

    await bench.put(SECRETS, secret("everybody", {"HTTPS_PROXY": "http://proxy:3128"}))
    _, out, _ = await bench.run(
        "migrate", "storage", "-o", "json", "--set", "predictiveUnit.defaultEnvSecretRefName=everybody"
    )
    (made,) = json.loads(out)["secrets"]
    assert (made["name"], made["action"], made["copiedKeys"]) == (
        "everybody-minio-sa-secret", "create", ["HTTPS_PROXY"],
    )  # fmt: skip


async def test_a_google_key_in_the_secret_of_an_account(bench: Bench) -> None:
    key = json.dumps({"type": "service_account", "private_key": "a-private-key"}, indent=2)
    await bench.put(SECRETS, secret("user-gcp-sa", {"gcloud-application-credentials.json": key}))
    await bench.put(ACCOUNTS, account("user-gcp-sa", "user-gcp-sa"))
    await bench.put(SDEPS, sdep("gcs", node(uri="gs://private/iris", serviceAccountName="user-gcp-sa")))
    code, out, _ = await bench.run("migrate", "storage", "--apply")

    assert code == 0
    assert "a-private-key" not in out
    data = decoded(bench.api, "user-gcp-sa")
    assert json.loads(data["RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS"])["private_key"] == "a-private-key"
    assert graph_of(bench.api, "gcs")["envSecretRefName"] == "user-gcp-sa"
    assert graph_of(bench.api, "gcs")["modelUri"] == "gs://private/iris"


async def test_a_secret_that_an_operator_keeps_is_left_to_it(bench: Bench) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "store", "controller": True}
    await bench.put(SECRETS, secret("old", KFSERVING, ownerReferences=[{**owner, "uid": "1"}]))
    await bench.put(SDEPS, sdep("iris", node(envSecretRefName="old")))
    (made,) = (await planned(bench))["secrets"]
    assert (made["name"], made["action"]) == ("old-rclone", "create")
    assert made["reason"] == "secret old is kept by ExternalSecret store, which would take new keys away"

    await bench.run("migrate", "storage", "--apply")
    assert decoded(bench.api, "old") == KFSERVING
    assert graph_of(bench.api, "iris")["envSecretRefName"] == "old-rclone"
    assert await states(bench) == {"iris classifier": "done"}
    await bench.run("migrate", "storage", "--rollback")
    assert bench.api.find(SECRETS, "ns", "old-rclone") is None
    assert graph_of(bench.api, "iris")["envSecretRefName"] == "old"


async def test_a_secret_that_an_interrupted_run_made_is_taken_and_one_of_a_person_is_not(bench: Bench) -> None:
    await bench.put(SECRETS, secret("old", KFSERVING) | {"immutable": True})
    await bench.put(SDEPS, sdep("iris", node(envSecretRefName="old")))
    mine = secret("old-rclone", {"SOMETHING": "else"})
    await bench.put(SECRETS, mine)
    code, _, err = await bench.run("migrate", "storage", "--apply")
    assert (code, decoded(bench.api, "old-rclone")) == (1, {"SOMETHING": "else"})
    assert "create Secret old-rclone" in err
    assert graph_of(bench.api, "iris")["envSecretRefName"] == "old"

    await bench.put(SECRETS, secret("old-rclone", {}, labels={"app.kubernetes.io/managed-by": "seldonctl"}))
    code, _, err = await bench.run("migrate", "storage", "--apply")
    assert code == 0, err
    assert decoded(bench.api, "old-rclone")["RCLONE_CONFIG_S3_ENDPOINT"] == f"http://{MINIO}"
    assert graph_of(bench.api, "iris")["envSecretRefName"] == "old-rclone"


async def test_all_namespaces(bench: Bench) -> None:
    await seeds(bench)
    other = sdep("iris", node(envSecretRefName="old"))
    other["metadata"]["namespace"] = "other"
    await bench.put(SDEPS, other)
    await bench.put(SECRETS, secret("old", KFSERVING, namespace="other"))
    code, out, err = await bench.run("migrate", "storage", "-A", "--apply")

    assert code == 0, err
    assert out.startswith("NAMESPACE  DEPLOYMENT ")
    for namespace in ("ns", "other"):
        assert bench.api.find(CONFIG_MAPS, namespace, "seldon-storage-migration") is not None
    assert (await bench.run("migrate", "storage", "-A"))[0] == 0
    assert (await bench.run("migrate", "storage", "-A", "--rollback"))[0] == 0
    assert bench.api.find(CONFIG_MAPS, "other", "seldon-storage-migration") is None


async def test_keys_follow_a_password_that_changed(bench: Bench) -> None:
    await seeds(bench)
    await bench.run("migrate", "storage", "--apply")

    def rotate(obj: Object) -> None:
        obj["data"]["AWS_SECRET_ACCESS_KEY"] = base64.b64encode(b"another-secret").decode()

    await bench.api.change(SECRETS, "ns", "seldon-kfserving-secret", rotate)
    found = await planned(bench, "sklearn-iris-secret")
    assert [key["name"] for key in found["secrets"][0]["keys"]] == ["RCLONE_CONFIG_S3_SECRET_ACCESS_KEY"]
    await bench.run("migrate", "storage", "--apply")
    assert decoded(bench.api, "seldon-kfserving-secret")["RCLONE_CONFIG_S3_SECRET_ACCESS_KEY"] == "another-secret"


async def test_who_keeps_the_manifest_is_named_and_given_the_yaml(bench: Bench) -> None:
    await seeds(bench)

    def by_argo(obj: Object) -> None:
        obj["metadata"]["labels"] = {"argocd.argoproj.io/instance": "shop"}

    await bench.api.change(SDEPS, "ns", "sklearn-iris-sa", by_argo)
    _, out, _ = await bench.run("migrate", "storage")
    assert "ns/sklearn-iris-sa is kept by Argo CD application shop" in out
    _, out, _ = await bench.run("migrate", "storage", "-o", "yaml")
    one, other, changed = sorted(yaml.safe_load_all(out), key=lambda each: (each["kind"] != "Secret", str(each)))

    assert "  # RCLONE_CONFIG_S3_ACCESS_KEY_ID: the value of awsAccessKeyID\n" in out or "AWS_ACCESS_KEY_ID" in out
    assert {each["metadata"]["name"] for each in (one, other)} == {"minio-sa-secret", "seldon-kfserving-secret"}
    # Applied as it is, it harms nothing: what is secret is left out.
    assert sorted(one["stringData"]) == [
        f"RCLONE_CONFIG_S3_{option}" for option in ("ENDPOINT", "ENV_AUTH", "PROVIDER", "TYPE")
    ]
    assert changed["spec"]["predictors"][0]["graph"]["envSecretRefName"] == "minio-sa-secret"
    assert set(changed["metadata"]) == {"name", "namespace", "labels"}


async def test_an_edit_in_the_meantime_is_not_written_over(bench: Bench) -> None:
    await seeds(bench)
    bench.api.faults.append(lambda call: _edited(bench.api, call.method))
    code, _, err = await bench.run("migrate", "storage", "sklearn-iris-sa", "--apply")

    assert code == 1
    assert "if it was edited meanwhile: run this again" in err
    assert graph_of(bench.api, "sklearn-iris-sa") == node(uri="s3://sklearn/wine", serviceAccountName="minio-sa")


def _edited(api: FakeApi, method: str) -> None:
    """Somebody's edit, between the plan and the deed."""
    if method == "POST":
        graph = api.objects[SDEPS, "ns", "sklearn-iris-sa"]["spec"]["predictors"][0]["graph"]
        graph["modelUri"] = "s3://sklearn/wine"


async def test_a_secret_that_may_not_be_written_holds_its_models_back(bench: Bench) -> None:
    await seeds(bench)
    denied = refuse(403, 'secrets "minio-sa-secret" is forbidden: User "me" cannot patch', ending="minio-sa-secret")
    bench.api.faults.append(lambda call: denied(call) if call.method == "PATCH" else None)
    code, _, err = await bench.run("migrate", "storage", "--apply")

    assert code == 1
    assert "permission is missing: verb patch on secrets" in err
    assert "SeldonDeployment ns/sklearn-iris-sa is left as it is, because its secret is." in err
    assert "envSecretRefName" not in graph_of(bench.api, "sklearn-iris-sa")
    bench.api.faults.clear()
    assert (await bench.run("migrate", "storage", "--apply"))[0] == 0


async def test_wrong_usage(bench: Bench) -> None:
    code, _, err = await bench.run("migrate", "storage", "--image", "new:1")
    assert (code, "name them" in err) == (2, True)
    code, _, err = await bench.run("migrate", "storage", "-A", "iris")
    assert (code, "leave NAME and --namespace out" in err) == (2, True)
    code, _, err = await bench.run("migrate", "storage", "--rollback", "--verify")
    assert (code, "leave --verify and --image out" in err) == (2, True)


async def kubelet(api: FakeApi, answers: dict[str, tuple[int, str]]) -> list[Object]:
    """Run the pods that are made: each ends at once, with the answer for its URI."""
    seen: list[Object] = []
    while len(seen) < len(answers):
        await api.reaches(lambda: any(_is_new(key, seen) for key in api.objects))
        key = next(key for key in api.objects if _is_new(key, seen))
        pod = api.objects[key]
        seen.append(copy.deepcopy(pod))
        code, message = answers[pod["spec"]["containers"][0]["command"][-1]]
        # The secret is given to the pod before the answer is looked at.
        await api.reaches(lambda: _owned(api, seen[-1]))

        def end(obj: Object, code: int = code, message: str = message) -> None:
            state = {"terminated": {"exitCode": code, "message": message}}
            obj["status"] = {"phase": "Succeeded", "containerStatuses": [{"name": "look", "state": state}]}

        await api.change(*key, end)
    return seen


def _is_new(key: tuple[str, str, str], seen: list[Object]) -> bool:
    return key[0] == PODS and key[2] not in {pod["metadata"]["name"] for pod in seen}


def _owned(api: FakeApi, pod: Object) -> bool:
    name = pod["spec"]["containers"][0]["envFrom"][0]["secretRef"]["name"]
    owners = (api.find(SECRETS, "ns", name) or {"metadata": {}})["metadata"].get("ownerReferences") or ()
    return [each["uid"] for each in owners] == [pod["metadata"]["uid"]]


async def test_verify_lists_with_the_new_credentials_before_anything_is_switched(bench: Bench) -> None:
    await seeds(bench)
    running = asyncio.create_task(kubelet(bench.api, {"s3://sklearn/iris": (0, "2 files, 1234 bytes")}))
    code, out, err = await bench.run("migrate", "storage", "sklearn-iris-sa", "--verify", "--apply")
    (pod,) = await running

    assert code == 0, err
    assert "ns/sklearn-iris-sa classifier: ok: 2 files, 1234 bytes" in out
    spec = pod["spec"]
    assert (spec["serviceAccountName"], spec["restartPolicy"]) == ("minio-sa", "Never")
    assert spec["containers"][0]["image"].endswith("rclone-storage-initializer:0.1.0")
    given = next(c.body for c in bench.api.writes() if c.path.endswith("/secrets") and c.body)
    assert given["stringData"]["RCLONE_CONFIG_S3_ENDPOINT"] == f"http://{MINIO}"
    assert not [name for name in given["stringData"] if name.startswith(("AWS_", "aws"))]
    order = [c.path.rsplit("/", 1)[-1] for c in bench.api.writes()]
    assert order.index("pods") < order.index("minio-sa-secret")
    # Nothing of the look is left.
    assert [key for key in bench.api.objects if key[0] == PODS or "look" in key[2]] == []


async def test_a_look_that_fails_stops_the_deed(bench: Bench) -> None:
    await seeds(bench)
    await bench.put(SDEPS, sdep("wine", node(uri="s3://sklearn/wine", envSecretRefName="seldon-kfserving-secret")))
    answers = {"s3://sklearn/iris": (0, "2 files"), "s3://sklearn/wine": (4, "no objects under s3://sklearn/wine")}
    names = ("sklearn-iris-secret", "wine")
    running = asyncio.create_task(kubelet(bench.api, answers))
    code, out, err = await bench.run("migrate", "storage", *names, "--verify", "--apply")
    await running

    assert code == 1
    assert "ns/wine classifier: FAILED: no objects under s3://sklearn/wine" in out
    assert "Nothing is changed" in err
    assert decoded(bench.api, "seldon-kfserving-secret") == KFSERVING
    assert bench.api.find(CONFIG_MAPS, "ns", "seldon-storage-migration") is None


async def test_a_pod_that_cannot_start_is_told_at_once(bench: Bench) -> None:
    await seeds(bench)

    async def never() -> None:
        await bench.api.reaches(lambda: any(key[0] == PODS for key in bench.api.objects))
        key = next(key for key in bench.api.objects if key[0] == PODS)

        def wait(obj: Object) -> None:
            waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "wrong:1"'}}
            obj["status"] = {"phase": "Pending", "containerStatuses": [{"name": "look", "state": waiting}]}

        await bench.api.change(*key, wait)

    running = asyncio.create_task(never())
    code, out, _ = await bench.run("migrate", "storage", "sklearn-iris-sa", "--verify", "--verify-image", "wrong:1")
    await running

    assert code == 1
    assert 'FAILED: the pod does not start: ImagePullBackOff: Back-off pulling image "wrong:1"' in out


async def test_a_pod_that_never_ends(bench: Bench) -> None:
    await seeds(bench)
    code, out, _ = await bench.run("migrate", "storage", "sklearn-iris-sa", "--verify", "--timeout", "100ms")

    assert code == 1
    assert "FAILED: no answer within 0.1 s; --timeout waits longer" in out
    assert [key for key in bench.api.objects if key[0] == PODS] == []
