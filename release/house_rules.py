"""Rules of this house, which no scanner has or which must not be left to one: rights, secrets, nodes' files, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .helm import label
from .policy import Violation

SECRET_KEY = re.compile(r"(?i)(password|passwd|token|secret_?access_?key|access_?key_?id|secret_?key|api_?key)$")
SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|(?i:(?:password|passwd|secret_?access_?key|secret_?key|api_?key)[\"']?\s*[:=]\s*[\"']?[^\s\"'{}]{6,})"
)
_PLAIN = re.compile(r"\A[^\s:@]+(?::[0-9]+(?=/))?[^\s:@]*:(?P<tag>[A-Za-z0-9_][\w.-]*)(?:@sha256:[0-9a-f]{64})?\Z")


def broken(item: dict[str, Any], group: str) -> Iterator[Violation]:
    """Give the rules that an object breaks."""
    kind = item["kind"]
    if kind in {"Role", "ClusterRole"}:
        yield from _rights(item, group)
    if kind == "ConfigMap":
        for name, text in (item.get("data") or {}).items():
            found = SECRET_TEXT.search(str(text))
            if found:
                yield _violation("no-secret-in-configmap", item, group, f"{name} holds what looks like a secret")
    if kind == "Secret" and (item.get("data") or item.get("stringData")):
        yield _violation("no-secret-in-chart", item, group, "renders data: Helm keeps it in plain text in its release")
    for pod in pods(item):
        yield from _pod(item, pod, group)


def values_with_secrets(values: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the paths of values whose name says that they are secret, and which are not empty."""
    if isinstance(values, dict):
        for name, value in values.items():
            if isinstance(value, str) and value and (SECRET_KEY.search(str(name)) or SECRET_TEXT.search(value)):
                yield ".".join((*path, str(name)))
            yield from values_with_secrets(value, (*path, str(name)))
    elif isinstance(values, list):
        for number, value in enumerate(values):
            yield from values_with_secrets(value, (*path, str(number)))


def pods(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the pod specs of an object."""
    spec = item.get("spec") or {}
    if item["kind"] == "Pod":
        yield spec
    template = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
    if isinstance(template, dict) and "spec" in template:
        yield template["spec"]


def _rights(item: dict[str, Any], group: str) -> Iterator[Violation]:
    for number, rule in enumerate(item.get("rules") or ()):
        for field in ("verbs", "resources", "apiGroups", "nonResourceURLs"):
            if "*" in (rule.get(field) or ()):
                yield _violation("no-wildcard-rights", item, group, f"rules[{number}].{field} is a wildcard")
        reads = {"list", "watch"} & set(rule.get("verbs") or ())
        if item["kind"] == "ClusterRole" and "secrets" in (rule.get("resources") or ()) and reads:
            yield _violation(
                "no-listing-of-secrets", item, group, f"rules[{number}] may {', '.join(sorted(reads))} secrets"
            )
        beyond = {"escalate", "bind", "impersonate"} & set(rule.get("verbs") or ())
        if beyond:
            yield _violation("no-escalation", item, group, f"rules[{number}] may {', '.join(sorted(beyond))}")


def _pod(item: dict[str, Any], pod: dict[str, Any], group: str) -> Iterator[Violation]:
    for volume in pod.get("volumes") or ():
        if "hostPath" in volume:
            path = volume["hostPath"].get("path")
            yield _violation(
                "no-host-path", item, group, f"volume {volume['name']} is the node's folder {path} (hostPath)"
            )
    for container in [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]:
        image = str(container.get("image") or "")
        matched = _PLAIN.match(image)
        if not matched or matched["tag"] == "latest":
            said = f"{container['name']}: image {image!r} has no fixed tag"
            yield _violation("fixed-image-tag", item, group, said)
        if container.get("securityContext", {}).get("privileged"):
            yield _violation("not-privileged", item, group, f"{container['name']} is privileged")


def _violation(check: str, item: dict[str, Any], group: str, what: str) -> Violation:
    return Violation("house", check, group, label(item), what)
