"""Kubeconfig files mean what they mean to kubectl."""

import json
import stat
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from seldon_core.kube import Client, config
from seldon_core.kube.config import ConfigError, Connection, connect_as_kubectl
from seldon_core.kube.errors import UnauthorizedError
from seldon_core.kube.kubeconfig import choose, files
from seldon_core.kube.resources import PODS

NO_CURRENT = {"contexts": [{"name": "dev", "context": {"cluster": "c"}}], "clusters": []}


def kubeconfig(name: str, **context: str) -> dict[str, Any]:
    """A file with one context, its cluster and its user, all of one name."""
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **context}}],
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}.example"}}],
        "users": [{"name": name, "user": {"token": f"token-of-{name}"}}],
    }


def write(path: Path, data: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(config, "SERVICE_ACCOUNT", str(tmp_path / "service-account"))


async def test_several_files_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kubeconfig("dev", namespace="models") | {"current-context": ""}
    second = kubeconfig("prod")
    second["contexts"].append({"name": "dev", "context": {"cluster": "prod", "namespace": "hidden"}})
    paths = [write(tmp_path / "a.yaml", first), tmp_path / "missing.yaml", write(tmp_path / "b.yaml", second)]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, paths)))

    current, named = connect_as_kubectl(), connect_as_kubectl(context="dev")

    assert (str(current.http.base_url), current.namespace) == ("http://prod.example", "default")
    # Of two contexts of one name that of the earlier file counts.
    assert (str(named.http.base_url), named.namespace) == ("http://dev.example", "models")
    assert named.source == f"context dev of kubeconfig {paths[0]}:{paths[2]}"


async def test_one_file_that_is_named_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "a.yaml", kubeconfig("dev"))))
    other = write(tmp_path / "b.yaml", kubeconfig("prod"))

    assert str(connect_as_kubectl(kubeconfig=str(other)).http.base_url) == "http://prod.example"
    with pytest.raises(ConfigError, match=r"context dev is not in kubeconfig .*b.yaml; there are: prod"):
        connect_as_kubectl(kubeconfig=str(other), context="dev")


async def test_the_usual_file(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", kubeconfig("dev"))

    assert str(connect_as_kubectl().http.base_url) == "http://dev.example"


async def test_a_pod_has_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "service-account"
    for name, text in (("token", "t"), ("namespace", "models")):
        write(folder / name, text)
    write(folder / "ca.crt", "")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    with pytest.raises(ConfigError, match="the pod's service account cannot be used"):
        connect_as_kubectl()  # an empty certificate is none
    write(tmp_path / ".kube" / "config", kubeconfig("dev"))
    assert str(connect_as_kubectl().http.base_url) == "http://dev.example"


async def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    data = kubeconfig("dev")
    data["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    data["users"][0]["user"] = {"tokenFile": "token", "exec": {"command": "./bin/plugin", "apiVersion": "x"}}
    data["users"][0]["user"].pop("exec")
    single = choose((write(tmp_path / "sub" / "config", data),)).single

    assert single.cluster.certificate_auth == str(tmp_path / "sub" / "ca.crt")
    assert single.user is not None
    assert single.user.token_file == str(tmp_path / "sub" / "token")


@pytest.mark.parametrize(
    ("data", "context", "words"),
    [
        (kubeconfig("dev"), "dve", "did you mean dev?"),
        (NO_CURRENT, None, "names no current context; name one with --context: dev."),
        (NO_CURRENT, "dev", "names cluster c, which is not there"),
        (kubeconfig("dev") | {"users": []}, None, "names user dev, which is not there"),
        (": : :", None, "cannot be read: it is no YAML"),
        ("[]", None, "is no kubeconfig"),
        (kubeconfig("dev") | {"clusters": [{"name": "dev", "cluster": {"server": 7}}]}, None, "cannot be used"),
        (
            kubeconfig("dev") | {"clusters": [{"name": "dev", "cluster": {"server": "x", "tls-server-name": "y"}}]},
            None,
            "tls-server-name: not supported",
        ),
        (
            kubeconfig("dev") | {"users": [{"name": "dev", "user": {"exec": {"command": "p", "apiVersion": "v0"}}}]},
            None,
            "exec plugin p: version v0 is none of",
        ),
        (
            kubeconfig("dev")
            | {"users": [{"name": "dev", "user": {"client-certificate": "no.crt", "client-key": "k"}}]},
            None,
            "context dev of kubeconfig .* cannot be used",
        ),
    ],
)
async def test_what_is_wrong_is_a_sentence(tmp_path: Path, data: Any, context: str | None, words: str) -> None:
    path = write(tmp_path / "config", data)

    with pytest.raises(ConfigError, match=words) as caught:
        connect_as_kubectl(kubeconfig=str(path), context=context)
    assert "token-of" not in str(caught.value)


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        files(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"no kubeconfig: ~/.kube/config does not exist; name one"):
        connect_as_kubectl()


def plugin(tmp_path: Path, version: str, script: str) -> Connection:
    """A connection whose credentials come from a plugin beside the kubeconfig file."""
    program = write(tmp_path / "bin" / "plugin", f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    data = kubeconfig("dev")
    data["users"][0]["user"] = {
        "exec": {"command": "bin/plugin", "apiVersion": version, "env": [{"name": "WHO", "value": "me"}]}
    }
    return connect_as_kubectl(kubeconfig=str(write(tmp_path / "config", data)))


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_an_exec_plugin_gives_the_token(tmp_path: Path, version: str) -> None:
    full = f"client.authentication.k8s.io/{version}"
    connection = plugin(
        tmp_path,
        full,
        f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; echo "{{\\"status\\": {{\\"token\\": \\"$WHO\\"}}}}"',
    )
    assert isinstance(connection.http.auth, httpx2.Auth)
    flow = connection.http.auth.async_auth_flow(httpx2.Request("GET", "http://dev.example"))
    request = await anext(flow)
    with pytest.raises(StopAsyncIteration):
        await flow.asend(httpx2.Response(200))

    assert request.headers["Authorization"] == "Bearer me"
    info = json.loads((tmp_path / "info").read_text())
    assert (info["apiVersion"], info["kind"], info["spec"]["interactive"]) == (full, "ExecCredential", False)


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo sorry >&2; exit 3", "returned 3: sorry"), ("echo nonsense", "credentials cannot be had")],
)
async def test_an_exec_plugin_that_fails_is_a_sentence(tmp_path: Path, script: str, words: str) -> None:
    connection = plugin(tmp_path, "client.authentication.k8s.io/v1", script)
    client = Client(connection, field_manager="tester")

    with pytest.raises(UnauthorizedError, match=words):
        await client.get(PODS, "p", "ns")
    (tmp_path / "bin" / "plugin").unlink()
    with pytest.raises(UnauthorizedError, match=r"exec plugin .*/bin/plugin is not installed"):
        await client.get(PODS, "p", "ns")
    await client.close()
