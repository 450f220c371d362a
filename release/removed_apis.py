"""APIs that Kubernetes has removed, with the version that has them no more.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/.
"""

from __future__ import annotations

REMOVED = {
    ("extensions/v1beta1", "*"): "1.22",
    ("apps/v1beta1", "*"): "1.16",
    ("apps/v1beta2", "*"): "1.16",
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"): "1.22",
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"): "1.22",
    ("apiextensions.k8s.io/v1beta1", "*"): "1.22",
    ("apiregistration.k8s.io/v1beta1", "*"): "1.22",
    ("authentication.k8s.io/v1beta1", "TokenReview"): "1.22",
    ("authorization.k8s.io/v1beta1", "*"): "1.22",
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"): "1.22",
    ("coordination.k8s.io/v1beta1", "Lease"): "1.22",
    ("networking.k8s.io/v1beta1", "Ingress"): "1.22",
    ("networking.k8s.io/v1beta1", "IngressClass"): "1.22",
    ("rbac.authorization.k8s.io/v1beta1", "*"): "1.22",
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): "1.22",
    ("storage.k8s.io/v1beta1", "*"): "1.22",
    ("batch/v1beta1", "CronJob"): "1.25",
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): "1.25",
    ("events.k8s.io/v1beta1", "Event"): "1.25",
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): "1.25",
    ("policy/v1beta1", "PodDisruptionBudget"): "1.25",
    ("policy/v1beta1", "PodSecurityPolicy"): "1.25",
    ("node.k8s.io/v1beta1", "RuntimeClass"): "1.25",
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): "1.26",
    ("flowcontrol.apiserver.k8s.io/v1beta1", "*"): "1.26",
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): "1.27",
    ("flowcontrol.apiserver.k8s.io/v1beta2", "*"): "1.29",
    ("flowcontrol.apiserver.k8s.io/v1beta3", "*"): "1.32",
}


def removed_in(api_version: str, kind: str, kubernetes: str) -> str | None:
    """Return the version that removed an API, where that version is not newer than `kubernetes`."""
    gone = REMOVED.get((api_version, kind)) or REMOVED.get((api_version, "*"))
    return gone if gone and _number(gone) <= _number(kubernetes) else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
