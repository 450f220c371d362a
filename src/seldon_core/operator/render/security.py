"""Security contexts of the containers that the controller adds: they meet the Pod Security standard `restricted`.

A user's own containers, and pods with a security context of the user's, stay as written. Source: design decision 11.
A prepackaged server that is listed, for its resources say, and named no image and no security context, is ours.
"""

from typing import Any

from seldon_core.api.shapes import Json


def restricted(pod: Json, *, read_only_root: bool, user: int | None = None) -> dict[str, Any]:
    """The security context of a container that is added to a pod.

    A pod whose own security context asks for root (`runAsUser: 0`) gets containers that may be root, too: without it
    a model on a volume that only root can read could not be fetched.
    """
    asks_for_root = (pod.get("securityContext") or {}).get("runAsUser") == 0 and user is None
    context: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if user is not None:
        context["runAsUser"] = user
    if not asks_for_root and user != 0:
        context["runAsNonRoot"] = True
    if read_only_root:
        context["readOnlyRootFilesystem"] = True
    return context
