"""The client's verbs over a real socket: what is sent, what comes back, and which error is raised."""

from typing import Any

import pytest

from seldon_core import kube
from seldon_core.kube import Client
from seldon_core.kube.client import LIST_PAGE_SIZE, Selection
from seldon_core.kube.errors import OverloadedError, UnauthorizedError
from seldon_core.kube.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, SECRETS
from tests.unit.kube.fake_api import FakeApi, failure

pytestmark = pytest.mark.asyncio


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ns"},
        "data": data,
    }


async def test_apply_creates_then_changes_then_leaves_alone(api: FakeApi, client: Client) -> None:
    created = await client.apply(CONFIG_MAPS, config_map(a="1"))
    changed = await client.apply(CONFIG_MAPS, config_map(a="2"))
    same = await client.apply(CONFIG_MAPS, config_map(a="2"))

    assert created["data"] == {"a": "1"}
    assert changed["data"] == {"a": "2"}
    assert same["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]
    assert {c.query["fieldManager"] for c in api.writes()} == {"tester"}
    assert {c.query["force"] for c in api.writes()} == {"true"}


async def test_apply_takes_away_what_is_no_longer_said_and_keeps_what_others_own(api: FakeApi, client: Client) -> None:
    await client.apply(CONFIG_MAPS, config_map(ours="1", gone="1"))
    await api.change("api/v1/configmaps", "ns", "settings", lambda obj: obj["data"].update(theirs="1"))

    applied = await client.apply(CONFIG_MAPS, config_map(ours="1"))

    assert applied["data"] == {"ours": "1", "theirs": "1"}


async def test_apply_with_a_uid_does_not_touch_an_object_made_anew(api: FakeApi, client: Client) -> None:
    created = await client.apply(CONFIG_MAPS, config_map(a="1"))
    await api.drop("api/v1/configmaps", "ns", "settings")
    await client.apply(CONFIG_MAPS, config_map(a="other"))
    manifest = config_map(a="2")
    manifest["metadata"]["uid"] = created["metadata"]["uid"]

    with pytest.raises(kube.ConflictError):
        await client.apply(CONFIG_MAPS, manifest)

    stored = api.find("api/v1/configmaps", "ns", "settings")
    assert stored is not None
    assert stored["data"] == {"a": "other"}


async def test_list_reads_every_page_and_names_the_kind(api: FakeApi, client: Client) -> None:
    for number in range(LIST_PAGE_SIZE + 3):
        await api.put("api/v1/configmaps", config_map(f"c{number:04}"))

    listed = await client.list(Selection(CONFIG_MAPS, namespace="ns"))

    assert len(listed.items) == LIST_PAGE_SIZE + 3
    assert {(i["apiVersion"], i["kind"]) for i in listed.items} == {("v1", "ConfigMap")}
    assert listed.resource_version == str(api.version)


async def test_list_asks_for_the_selectors(api: FakeApi, client: Client) -> None:
    labelled = config_map("one")
    labelled["metadata"]["labels"] = {"a": "b"}
    await api.put("api/v1/configmaps", labelled)
    await api.put("api/v1/configmaps", config_map("two"))

    by_label = await client.list(Selection(CONFIG_MAPS, labels="a=b"))
    by_field = await client.list(Selection(CONFIG_MAPS, fields="metadata.name=two"))

    assert [i["metadata"]["name"] for i in by_label.items] == ["one"]
    assert [i["metadata"]["name"] for i in by_field.items] == ["two"]


async def test_patch_status_merges_into_the_status_alone(api: FakeApi, client: Client) -> None:
    await api.put(
        "apis/apps/v1/deployments", {"metadata": {"name": "d", "namespace": "ns"}, "status": {"a": 1, "b": 2}}
    )

    patched = await client.patch_status(DEPLOYMENTS, "d", {"a": 3, "b": None}, "ns")

    assert patched["status"] == {"a": 3}
    assert api.writes()[-1].path.endswith("/deployments/d/status")


async def test_patch_with_an_old_version_is_a_conflict(api: FakeApi, client: Client) -> None:
    created = await client.apply(
        SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}}
    )
    version = created["metadata"]["resourceVersion"]
    await api.change("api/v1/secrets", "ns", "s", lambda obj: obj.update(data={"x": "eQ=="}))

    with pytest.raises(kube.ConflictError):
        await client.patch(SECRETS, "s", {"metadata": {"resourceVersion": version}, "data": {}}, "ns")


async def test_places_inside_of_lists_are_written_alone_and_only_if_they_are_as_expected(
    api: FakeApi, client: Client
) -> None:
    spec = {"items": [{"name": "a"}, {"name": "b", "old": "1"}]}
    await api.put(
        "apis/apps/v1/deployments",
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "ns"}, "spec": spec},
    )
    steps = [
        {"op": "test", "path": "/spec/items/1/name", "value": "b"},
        {"op": "add", "path": "/spec/items/1/new", "value": "2"},
        {"op": "remove", "path": "/spec/items/1/old"},
    ]

    patched = await client.patch_places(DEPLOYMENTS, "d", steps, "ns")
    assert patched["spec"]["items"] == [{"name": "a"}, {"name": "b", "new": "2"}]
    with pytest.raises(kube.InvalidError):
        await client.patch_places(DEPLOYMENTS, "d", [{**steps[0], "value": "c"}, steps[1]], "ns")


async def test_create_twice(client: Client) -> None:
    await client.create(CONFIG_MAPS, config_map())

    with pytest.raises(kube.AlreadyExistsError):
        await client.create(CONFIG_MAPS, config_map())


async def test_delete_says_what_becomes_of_owned_objects_and_checks_the_uid(api: FakeApi, client: Client) -> None:
    stored = await api.put("api/v1/configmaps", config_map())

    with pytest.raises(kube.ConflictError):
        await client.delete(CONFIG_MAPS, "settings", "ns", uid="another")
    await client.delete(CONFIG_MAPS, "settings", "ns", uid=stored["metadata"]["uid"], propagation="Orphan")

    body = api.writes()[-1].body or {}
    assert (body["propagationPolicy"], body["preconditions"]) == ("Orphan", {"uid": stored["metadata"]["uid"]})
    with pytest.raises(kube.NotFoundError):
        await client.get(CONFIG_MAPS, "settings", "ns")


async def test_pod_log(api: FakeApi, client: Client) -> None:
    api.logs["p", "c", True] = "last words\n"

    assert await client.pod_log("p", "ns", container="c", previous=True, tail_lines=3) == "last words\n"
    assert api.calls[-1].query["tailLines"] == "3"
    with pytest.raises(kube.BadRequestError):
        await client.pod_log("p", "ns", container="c", previous=False, tail_lines=3)


FORBIDDEN = 'secrets "s" is forbidden: User "u" cannot get resource "secrets" in API group "" in the namespace "ns"'


@pytest.mark.parametrize(
    ("status", "message", "reason", "kind", "text"),
    [
        (403, FORBIDDEN, "", kube.ForbiddenError, "permission is missing: verb get on secrets in namespace ns"),
        (
            403,
            "exceeded quota: q, requested: pods=1",
            "",
            kube.ForbiddenError,
            "get Secret s in namespace ns: exceeded quota",
        ),
        (404, "", "", kube.NotFoundError, "get Secret s in namespace ns: NotFound"),
        (422, "spec: Invalid value", "", kube.InvalidError, "get Secret s in namespace ns: spec: Invalid value"),
        (401, "Unauthorized", "Unauthorized", UnauthorizedError, "Unauthorized"),
        (429, "too many requests", "", OverloadedError, "too many requests"),
        (503, "not ready", "", OverloadedError, "not ready"),
    ],
)
async def test_errors_are_typed_and_say_what_was_asked(  # noqa: PLR0917 - a table's columns
    api: FakeApi, client: Client, status: int, message: str, reason: str, kind: type[kube.ApiError], text: str
) -> None:
    api.faults.append(lambda _: failure(status, message, reason))

    with pytest.raises(kind, match=r".") as raised:
        await client.get(SECRETS, "s", "ns")

    assert type(raised.value) is kind
    assert text in str(raised.value)
    assert raised.value.status == status


async def test_no_answer_is_a_transient_error(client: Client) -> None:
    closed = Client.connect(field_manager="tester", server="http://127.0.0.1:9")

    with pytest.raises(kube.UnreachableError, match="get ConfigMap a in namespace ns: no answer") as raised:
        await closed.get(CONFIG_MAPS, "a", "ns")

    assert raised.value.transient
    await closed.close()


async def test_an_object_of_a_namespaced_kind_needs_its_namespace(client: Client) -> None:
    with pytest.raises(ValueError, match="Pod p needs a namespace"):
        await client.get(PODS, "p")


async def test_replace_needs_the_present_version(api: FakeApi, client: Client) -> None:
    created = await client.create(CONFIG_MAPS, config_map(a="1"))
    changed = await client.replace(CONFIG_MAPS, {**created, "data": {"a": "2"}})

    with pytest.raises(kube.ConflictError):
        await client.replace(CONFIG_MAPS, {**created, "data": {"a": "3"}})

    stored = api.find("api/v1/configmaps", "ns", "settings")
    assert stored is not None
    assert (stored["data"], changed["data"]) == ({"a": "2"}, {"a": "2"})
