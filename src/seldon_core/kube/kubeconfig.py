"""Kubeconfig files as kubectl reads them: several, merged, a context chosen by name.

lightkube reads one file, and refuses exec plugins of `client.authentication.k8s.io/v1`; people have both.
Source: Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files" and "Authenticating", client-go
credential plugins.
"""

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User

Json = dict[str, Any]

DEFAULT_FILE: Final = "~/.kube/config"
_PATHS: Final = frozenset({"certificate-authority", "client-certificate", "client-key", "tokenFile"})
"""Fields with a path, which is meant to be relative to the file that it stands in."""
_EXEC_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_LIGHTKUBE_EXEC_VERSION: Final = "client.authentication.k8s.io/v1beta1"


class ConfigError(Exception):
    """There is no usable configuration; the text says what was looked for."""


@dataclass(frozen=True)
class Chosen:
    """One context of the merged files.

    Attributes:
        single: In lightkube's form.
        source: The context and where it was found, for messages.
        proxy: URL of a proxy in front of the cluster, or None.
    """

    single: SingleConfig
    source: str
    proxy: str | None = None


def files(kubeconfig: str | None, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The files to read: the one that is named, else those of KUBECONFIG, else ~/.kube/config; only those that exist.

    Raises:
        ConfigError: The one that is named does not exist.
    """
    if kubeconfig:
        if not Path(kubeconfig).expanduser().is_file():
            raise ConfigError(f"kubeconfig {kubeconfig} does not exist.")
        return (Path(kubeconfig).expanduser(),)
    named = [name for name in environment.get("KUBECONFIG", "").split(os.pathsep) if name]
    found = (Path(name).expanduser() for name in named or [DEFAULT_FILE])
    return tuple(path for path in found if path.is_file())


def choose(paths: tuple[Path, ...], context: str | None = None) -> Chosen:
    """The context of that name, or the current one.

    Args:
        paths: The files; of two entries of one name that of the earlier file counts.
        context: A name, or None.

    Raises:
        ConfigError: A file cannot be read, or says nothing usable about the context.
    """
    merged = _merge([(path, _read(path)) for path in paths])
    where = os.pathsep.join(str(path) for path in paths)
    contexts: dict[str, Json] = merged["contexts"]
    name = context or merged["current-context"]
    if not name:
        raise ConfigError(f"kubeconfig {where} names no current context; name one with --context: {_listed(contexts)}.")
    if name not in contexts:
        near = difflib.get_close_matches(name, contexts, n=1)
        advice = f"did you mean {near[0]}?" if near else f"there are: {_listed(contexts)}."
        raise ConfigError(f"context {name} is not in kubeconfig {where}; {advice}")
    chosen = contexts[name]
    cluster = _part(merged["clusters"], "cluster", chosen.get("cluster"), name, where)
    user = _part(merged["users"], "user", chosen["user"], name, where) if chosen.get("user") else {}
    if cluster.get("tls-server-name"):
        raise ConfigError(f"cluster {chosen['cluster']} of kubeconfig {where} has tls-server-name: not supported here.")
    try:
        single = KubeConfig.from_dict(
            {
                "current-context": name,
                "contexts": [{"name": name, "context": chosen}],
                "clusters": [{"name": chosen["cluster"], "cluster": cluster}],
                "users": [{"name": chosen["user"], "user": _with_exec(user)}] if chosen.get("user") else [],
            }
        ).get()
    except (msgspec.ValidationError, TypeError, KeyError) as error:
        raise ConfigError(f"context {name} of kubeconfig {where} cannot be used: {error}.") from error
    assert single is not None  # noqa: S101  # lightkube gives None only where no context is named
    if single.user is None:
        # lightkube insists on a user; an empty one sends no credentials.
        single = single._replace(user=User())
    return Chosen(single, f"context {name} of kubeconfig {where}", cluster.get("proxy-url") or None)


def _read(path: Path) -> Json:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no YAML"
        raise ConfigError(f"kubeconfig {path} cannot be read: {reason}.") from error
    if data is not None and not isinstance(data, dict):
        raise ConfigError(
            f"kubeconfig {path} is no kubeconfig: it must be a mapping with contexts, clusters and users."
        )
    return data or {}


def _merge(read: list[tuple[Path, Json]]) -> Json:
    result: Json = {"current-context": "", "contexts": {}, "clusters": {}, "users": {}}
    for path, data in read:
        result["current-context"] = result["current-context"] or data.get("current-context") or ""
        for section, member in (("contexts", "context"), ("clusters", "cluster"), ("users", "user")):
            for name, entry in _entries(data.get(section), member):
                result[section].setdefault(name, _absolute(entry, path.resolve().parent))
    return result


def _entries(section: Any, member: str) -> Iterator[tuple[str, Json]]:
    for entry in section if isinstance(section, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            inner = entry.get(member)
            yield entry["name"], inner if isinstance(inner, dict) else {}


def _absolute(entry: Json, folder: Path) -> Json:
    result = {key: str(folder / value) if key in _PATHS and value else value for key, value in entry.items()}
    plugin = result.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
        result["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return result


def _part(section: Mapping[str, Json], member: str, name: Any, context: str, where: str) -> Json:
    if name not in section:
        raise ConfigError(f"context {context} of kubeconfig {where} names {member} {name}, which is not there.")
    return section[name]


def _with_exec(user: Json) -> Json:
    """A user whose plugin is told its version, and that nobody is there to type; lightkube reads a v1 answer, too."""
    plugin = user.get("exec")
    if not isinstance(plugin, dict):
        return user
    version = plugin.get("apiVersion")
    if version not in _EXEC_VERSIONS:
        raise ConfigError(
            f"exec plugin {plugin.get('command')}: version {version} is none of {', '.join(_EXEC_VERSIONS)}."
        )
    info = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}})
    environment = [*(plugin.get("env") or ()), {"name": "KUBERNETES_EXEC_INFO", "value": info}]
    return {**user, "exec": {**plugin, "apiVersion": _LIGHTKUBE_EXEC_VERSION, "env": environment}}


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"
