"""A storage migration's plan as people and programs read it. Values of secrets are never in it."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seldon_core.kube import Object
from seldon_core.operator.report.redact import redact
from seldon_core.storage.migration import State
from seldon_core.storage.migration_plan import Path, Plan, SecretPlan, SitePlan

from . import files
from .applying import LAST_APPLIED
from .migrate_verify import Look
from .table import WIDTH, paragraph, table

Sdeps = Mapping[tuple[str, str], Object]
_GITOPS = (
    ("argocd.argoproj.io/instance", "Argo CD application"),
    ("argocd.argoproj.io/tracking-id", "Argo CD application"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"),
    ("helm.toolkit.fluxcd.io/name", "Flux HelmRelease"),
    ("meta.helm.sh/release-name", "Helm release"),
)
_DROPPED = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink")


def keeper(obj: Object) -> str:
    """Who applies an object again from a manifest kept elsewhere, such as `Argo CD application shop`; or empty."""
    metadata = obj["metadata"]
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    for mark, tool in _GITOPS:
        if mark in marks:
            return f"{tool} {marks[mark].partition(':')[0]}"
    if LAST_APPLIED in marks:
        return "kubectl apply"
    applied = (e for e in metadata.get("managedFields") or () if e.get("operation") == "Apply")
    return next((f"server-side apply by {entry.get('manager')}" for entry in applied), "")


def place(path: Path) -> str:
    """A path as people write it, such as `spec.predictors[0].graph`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def text(plan: Plan, sdeps: Sdeps, looks: Sequence[Look] | None = None) -> str:
    """The whole plan."""
    several = len({each.site.namespace for each in plan.sites}) > 1
    head = (*(("NAMESPACE",) if several else ()), "DEPLOYMENT", "NODE", "MODEL", "STATE", "CREDENTIALS", "AFTER")
    rows = [_row(each, several=several) for each in plan.sites]
    parts = [table(head, rows, width=WIDTH, shrink="MODEL")] if rows else []
    parts += [block for block in (_secrets(plan), _fields(plan), _manifests(plan, sdeps), _by_hand(plan)) if block]
    if looks is not None:
        parts.append("Looked at with the new credentials:\n" + "".join(map(_look, looks)))
    return "\n".join([*parts, _summary(plan)])


def _row(plan: SitePlan, *, several: bool) -> tuple[str, ...]:
    site, now = plan.site, plan.origin.partition(" (")[0]
    after = f"secret {plan.secret}" if plan.secret else "-"
    cells = (
        site.deployment,
        site.node,
        redact(site.uri),
        plan.state.value,
        now,
        "the same" if plan.secret and after == now else after,
    )
    return (site.namespace, *cells) if several else cells


def _secrets(plan: Plan) -> str:
    lines = []
    for each in plan.secrets:
        why = f": {each.reason}" if each.reason else ""
        used = f" (for {', '.join(each.used_by)})"
        lines.append(paragraph(f"{each.namespace}/{each.name} is {'made' if each.create else 'extended'}{why}{used}",
                               indent="    ", first="  "))  # fmt: skip
        lines += [f"    {key.name} {f'<- {key.source}' if key.source else f'= {key.shown}'}" for key in each.keys]
        if each.copied:
            lines.append(f"    and the {len(each.copied)} keys that the old one has: {', '.join(sorted(each.copied))}")
    return "\n".join(["Secrets:", *lines, ""]) if lines else ""


def _fields(plan: Plan) -> str:
    lines = [
        f"  {each.site.namespace}/{each.site.deployment} {place(each.site.path)}.{edit.field} "
        f"{edit.old or '(none)'} -> {edit.new or '(none)'}"
        for each in plan.sites
        for edit in each.edits
    ]
    return "\n".join(["SeldonDeployments (their pods are replaced one after another):", *lines, ""]) if lines else ""


def _manifests(plan: Plan, sdeps: Sdeps) -> str:
    found = {}
    for each in plan.sites:
        key = (each.site.namespace, each.site.deployment)
        if each.edits and (who := keeper(sdeps[key])):
            found["/".join(key)] = who
    lines = [paragraph(f"{name} is kept by {who}", indent="    ", first="  ") for name, who in found.items()]
    advice = "Change these manifests where they are kept, too, or the next apply takes the fields away (-o yaml):"
    return "\n".join([advice, *lines, ""]) if lines else ""


def _by_hand(plan: Plan) -> str:
    lines = [
        paragraph(f"{p.site.namespace}/{p.site.deployment} {p.site.node}: {p.reason}", indent="    ", first="  ")
        for p in plan.sites
        if p.state is State.HAND
    ]
    return "\n".join(["These need a hand:", *lines, ""]) if lines else ""


def _look(look: Look) -> str:
    who = f"{look.site.namespace}/{look.site.deployment} {look.site.node}"
    return paragraph(f"{who}: {'ok' if look.good else 'FAILED'}: {look.said}", indent="    ", first="  ") + "\n"


def _summary(plan: Plan) -> str:
    counts = {state: sum(each.state is state for each in plan.sites) for state in State}
    said = [
        f"{counts[State.MIGRATE]} to migrate",
        f"{counts[State.DONE]} done",
        f"{counts[State.NOTHING]} with nothing to do",
        f"{counts[State.HAND]} by hand",
    ]
    total = len(plan.sites)
    return f"{total} model{'' if total == 1 else 's'}: {', '.join(said)}.\n"


def plain(plan: Plan, sdeps: Sdeps, looks: Sequence[Look] | None = None) -> dict[str, Any]:
    """The plan for programs."""
    answers = {(look.site.namespace, look.site.deployment, look.site.path): look for look in looks or ()}
    models = []
    for each in plan.sites:
        site = each.site
        answer = answers.get((site.namespace, site.deployment, site.path))
        models.append(
            {
                "namespace": site.namespace,
                "deployment": site.deployment,
                "node": site.node,
                "path": place(site.path),
                "modelUri": redact(site.uri),
                "credentials": "" if each.origin == "-" else each.origin,
                "state": each.state.name.lower(),
                "reason": each.reason,
                "secret": each.secret,
                "fields": [{"name": e.field, "old": e.old, "new": e.new} for e in each.edits],
                "manifestKeptBy": keeper(sdeps[site.namespace, site.deployment]),
                **({"verified": {"ok": answer.good, "message": answer.said}} if answer else {}),
            }
        )
    return {"models": models, "secrets": [_plain_secret(each) for each in plan.secrets]}


def _plain_secret(secret: SecretPlan) -> dict[str, Any]:
    return {
        "namespace": secret.namespace,
        "name": secret.name,
        "action": "create" if secret.create else "extend",
        "reason": secret.reason,
        "usedBy": list(secret.used_by),
        "keys": [
            {"name": k.name, "from": k.source} if k.source else {"name": k.name, "value": k.shown} for k in secret.keys
        ],
        "copiedKeys": sorted(secret.copied),
    }


def manifests(plan: Plan, sdeps: Sdeps) -> str:
    """What is to be in git: the secrets' new keys, and the SeldonDeployments that change, whole.

    A secret's value is a comment that says where it is now, so that what is printed can be applied without harm.
    """
    parts = [_secret_manifest(each) for each in plan.secrets]
    changed = dict.fromkeys((p.site.namespace, p.site.deployment) for p in plan.sites if p.edits)
    for key in changed:
        obj = copy.deepcopy(sdeps[key])
        for each in plan.sites:
            if (each.site.namespace, each.site.deployment) == key:
                _put(obj, each)
        parts.append(files.dump([_clean(obj)]))
    return "".join(parts)


def _secret_manifest(secret: SecretPlan) -> str:
    metadata = {"name": secret.name, "namespace": secret.namespace}
    shown = {key.name: key.shown for key in secret.keys if not key.source}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": shown}
    comments = [f"  # {key.name}: the value of {key.source}\n" for key in secret.keys if key.source]
    comments += [f"  # {name}: as it is in the old secret\n" for name in sorted(secret.copied)]
    return files.dump([body]) + "".join(comments)


def _put(obj: Object, plan: SitePlan) -> None:
    target: Any = obj
    for part in plan.site.path:
        target = target[part]
    for edit in plan.edits:
        if edit.new is None:
            target.pop(edit.field, None)
        else:
            target[edit.field] = edit.new


def _clean(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _DROPPED}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k != LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj["spec"]}


def next_steps(plan: Plan) -> Iterator[str]:
    """What to do after the plan was carried out."""
    yield "Undo it with --rollback. The old keys and service accounts are left in place for the way back."
    if any(each.edits for each in plan.sites):
        yield "See the pods get ready: seldonctl status --wait"
