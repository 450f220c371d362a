"""etcd and kube-apiserver as two processes of the test: a real control plane without a node, ready in seconds.

The programs come from `python3 -m devtools run --need apiserver`, in ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER and
KUBECTL. Everything lies in one temporary folder and listens on the loopback alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import random
import secrets
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from seldon_core.api.crd import crd

ADMIN = "admin"
OPERATOR_NAMESPACE = "seldon-system"
OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:seldon-manager"
"""Who the controller is. A service account's name on purpose: the API server's fair queues treat it as one."""

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
START_SECONDS = 90.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
_PR_SET_PDEATHSIG = 1

T = TypeVar("T")


def until(
    condition: Callable[[], T], seconds: float, what: str | Callable[[], str], *, every: float = POLL_SECONDS
) -> T:
    """Ask until a condition gives something true, and return that.

    Args:
        condition: Asked again and again.
        seconds: How long.
        what: What was waited for, or a function that tells the last state.
        every: Seconds between two questions.

    Raises:
        AssertionError: It never became true in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(every)


_GIVEN: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, each given out once, and none that the kernel gives to clients."""
    found: list[int] = []
    while len(found) < count:
        port = random.randint(10_000, 32_000)  # noqa: S311 - guards nothing
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in _GIVEN:
                _GIVEN.add(port)
                found.append(port)
    return found


def die_with_parent() -> None:
    """For `preexec_fn`: the process ends with the test run, also where that is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class RefusedError(AssertionError):
    """The API server's answer is no success. `status` is the HTTP status."""

    def __init__(self, method: str, path: str, answer: httpx2.Response) -> None:
        super().__init__(f"{method} {path}: HTTP status {answer.status_code}: {answer.text[:500]}")
        self.status = answer.status_code


class ControlPlane:
    """A context manager around the two processes.

    Args:
        audit: Write the audit log.
        extra: More arguments of kube-apiserver.
    """

    def __init__(self, *, audit: bool = True, extra: Sequence[str] = ()) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="controlplane-")
        self.folder = Path(self._scratch.name)
        self._audit = audit
        self._extra = list(extra)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._etcd_port, self._etcd_peer_port, self.port = free_ports(3)
        self.url = f"https://127.0.0.1:{self.port}"
        self.authority = self.folder / "certificates" / "apiserver.crt"
        self._groups = {
            ADMIN: ("system:masters",),
            OPERATOR: ("system:serviceaccounts", f"system:serviceaccounts:{OPERATOR_NAMESPACE}"),
        }
        self._tokens = {user: secrets.token_hex(16) for user in self._groups}
        self.kubeconfig = self.folder / "admin.kubeconfig"
        """The administrator's."""

    def __enter__(self) -> Self:
        try:
            self._write_files()
            self._start_etcd()
            self.start_apiserver()
            self._prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes and remove the folder."""
        for name in reversed(list(self._processes)):
            self._end(name, signal.SIGKILL)
        self._scratch.cleanup()

    # Processes

    def start_apiserver(self) -> None:
        """Start kube-apiserver and wait until it is ready. Its port and its data stay the same over a restart."""
        key = self.folder / "service-accounts.key"
        words = [
            _program("KUBE_APISERVER"),
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # it refuses to publish a loopback address
            f"--secure-port={self.port}",
            f"--cert-dir={self.authority.parent}",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--profiling=false",
            "--shutdown-watch-termination-grace-period=2s",  # without it an end waits for every HTTP/1.1 watch
            *self._extra,
        ]
        if self._audit:
            words += [f"--audit-policy-file={self.folder / 'audit.yaml'}", f"--audit-log-path={self._audit_log}"]
            words.append("--audit-log-maxsize=10000")  # in MB: no rotation while a test reads it
        self._start("kube-apiserver", words)
        until(lambda: self._running("kube-apiserver") and self._ready(), START_SECONDS, "kube-apiserver is not ready")

    def stop_apiserver(self, *, kill: bool = False) -> None:
        """End kube-apiserver: asked to (it closes watches in order), or at once."""
        self._end("kube-apiserver", signal.SIGKILL if kill else signal.SIGTERM)

    def start_controller_manager(self, controllers: str = "*") -> None:
        """Start kube-controller-manager: garbage collector, Deployments, ReplicaSets and the like.

        Args:
            controllers: A comma list, as its own flag `--controllers` takes it.
        """
        words = [
            _program("KUBE_CONTROLLER_MANAGER"),
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            f"--controllers={controllers}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--kube-api-qps=2000",  # the default is meant for a cluster where nobody waits
            "--kube-api-burst=4000",
            "--concurrent-deployment-syncs=20",
            "--concurrent-replicaset-syncs=20",
            f"--service-account-private-key-file={self.folder / 'service-accounts.key'}",
            f"--root-ca-file={self.authority}",
        ]
        self._start("kube-controller-manager", words)

    def stop_controller_manager(self) -> None:
        """End it; a state that only nodes or controllers change then stands still."""
        self._end("kube-controller-manager", signal.SIGTERM)

    def processor_seconds(self, name: str = "kube-apiserver") -> float:
        """User and system time that one of the processes has used."""
        return processor_seconds(self._processes[name].pid)

    # What tests ask

    def kubeconfig_of(self, user: str, *, server: str | None = None, name: str = "") -> Path:
        """Write a kubeconfig file and return its path.

        Args:
            user: `ADMIN` or `OPERATOR`.
            server: URL of a proxy before the API server; plain HTTP is fine.
            name: The file's name, where one user has several.
        """
        cluster: dict[str, Any] = {"server": server or self.url}
        if cluster["server"].startswith("https:"):
            cluster["certificate-authority"] = str(self.authority)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self._tokens[user]}}],
        }
        path = self.folder / f"{name or user.rpartition(':')[2]}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator."""
        done = subprocess.run(
            [_program("KUBECTL"), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """`kubectl apply --server-side` of manifests, as the administrator."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        user: str = ADMIN,
    ) -> Any:
        """One call to the API server; the decoded answer. May be called by several threads.

        Raises:
            RefusedError: The API server refuses.
            httpx2.HTTPError: It cannot be asked.
        """
        headers = {"Authorization": f"Bearer {self._tokens[user]}", "Content-Type": content_type, "Accept": accept}
        content = None if body is None else json.dumps(body).encode()
        answer = self.http.request(method, path, content=content, headers=headers)
        if answer.status_code >= 300:
            raise RefusedError(method, path, answer)
        return answer.json()

    def find(self, path: str) -> dict[str, Any] | None:
        """One object by its path; None where it is not there."""
        try:
            found: dict[str, Any] = self.request("GET", path)
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection."""
        found: list[dict[str, Any]] = self.request("GET", path)["items"]
        return found

    def install_crd(self) -> None:
        """The product's CustomResourceDefinition, and wait until it is served."""
        install(self, crd())

    def audit(self, *, verbs: Collection[str] | None = None, user: str | None = None) -> list[dict[str, Any]]:
        """The entries of the audit log so far: one a request, a watch where it began, and where it ended.

        Args:
            verbs: Such as `WRITES`.
            user: Such as `OPERATOR`.
        """
        entries = []
        for line in self._audit_log.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # the last one may be half written
                continue
            if (verbs is None or entry["verb"] in verbs) and user in {None, entry["user"]["username"]}:
                entries.append(entry)
        return entries

    # Inside

    @property
    def _audit_log(self) -> Path:
        return self.folder / "audit.log"

    def _write_files(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (self.folder / "service-accounts.key").write_bytes(key)
        (self.folder / "audit.yaml").write_text(yaml.safe_dump(_AUDIT_POLICY))
        rows = [f'{token},{user},{user},"{",".join(self._groups[user])}"' for user, token in self._tokens.items()]
        (self.folder / "tokens.csv").write_text("\n".join(rows) + "\n")
        self.kubeconfig_of(ADMIN)

    def _start_etcd(self) -> None:
        client = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{self._etcd_peer_port}"
        words = [
            _program("ETCD"),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # the data need not outlive the test
            "--log-level=warn",
        ]
        self._start("etcd", words)

    def _prepare(self) -> None:
        """What every test needs: the controller's namespace, and rights for it there where no chart gives it any."""
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": OPERATOR_NAMESPACE}})

    def grant_all(self, user: str) -> None:
        """Every right for a user, where a test is not about rights."""
        name = user.rpartition(":")[2]
        self.request(
            "POST",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            {
                "metadata": {"name": f"{name}-everything"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            },
        )

    @functools.cached_property
    def http(self) -> httpx2.Client:
        """Connections to the API server, without credentials. Trusts what kube-apiserver has made."""
        context = ssl.create_default_context(cafile=str(self.authority))
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        return httpx2.Client(base_url=self.url, verify=context, timeout=30, trust_env=False, limits=limits)

    def token(self, user: str) -> str:
        """A user's credentials."""
        return self._tokens[user]

    def _ready(self) -> bool:
        if not self.authority.exists():
            return False
        try:
            return self.http.get("/readyz").status_code == 200
        except (httpx2.HTTPError, ssl.SSLError):  # the certificate may be half written
            return False

    def _start(self, name: str, words: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                words,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, made before any other code
            )

    def _running(self, name: str) -> bool:
        status = self._processes[name].poll()
        if status is not None:
            tail = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-20:]
            raise AssertionError(f"{name} ended with status {status}:\n" + "\n".join(tail))
        return True

    def _end(self, name: str, how: signal.Signals) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def install(plane: ControlPlane, *definitions: Mapping[str, Any]) -> None:
    """CustomResourceDefinitions, and wait until each is served."""
    plane.apply(*definitions)
    for definition in definitions:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition['metadata']['name']}"
        until(functools.partial(_established, plane, path), 30, f"{path} is not established")


def _established(plane: ControlPlane, path: str) -> bool:
    conditions = ((plane.find(path) or {}).get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def processor_seconds(pid: int) -> float:
    """User and system time of a process, its children not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _program(variable: str) -> str:
    path = os.environ.get(variable)
    if not path:
        raise AssertionError(
            f"{variable} is not set: start the tests with `python3 -m devtools run --need apiserver -- COMMAND`"
        )
    return path
