"""Values that the API server fills in where a manifest leaves them out.

An object that was written as a whole counts its filled-in fields as written by us. One that has its default is as
good as not there, and needs no write. A default that is missing here costs one write that changes nothing, once in a
controller's life.
"""

from collections.abc import Mapping
from typing import Any

_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "apiVersion": ("v1",),
    "defaultMode": (420,),
    "dnsPolicy": ("ClusterFirst",),
    "failureThreshold": (3,),
    "maxSurge": ("25%",),
    "maxUnavailable": ("25%",),
    "optional": (False,),
    "periodSeconds": (10,),
    "progressDeadlineSeconds": (600,),
    "protocol": ("TCP",),
    "replicas": (1,),
    "restartPolicy": ("Always",),
    "revisionHistoryLimit": (10,),
    "schedulerName": ("default-scheduler",),
    "scheme": ("HTTP",),
    "securityContext": ({},),
    "successThreshold": (1,),
    "terminationGracePeriodSeconds": (30,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "timeoutSeconds": (1,),
    "type": ("RollingUpdate", ""),
    "divisor": ("0",),
    "resources": ({},),
    "emptyDir": ({},),
}
"""By the name of the field. Source: the API reference of Kubernetes 1.34."""


def is_default(name: str, value: Any, parent: Mapping[str, Any]) -> bool:
    """Whether a field has the value that it would have if it were left out.

    Args:
        name: The field.
        value: Its value.
        parent: The object that it is in.
    """
    if name == "imagePullPolicy":
        tag = str(parent.get("image", "")).rpartition("/")[2].partition("@")
        latest = not tag[1] and tag[0].partition(":")[2] in {"", "latest"}
        return bool(value == ("Always" if latest else "IfNotPresent"))
    if value in _DEFAULTS.get(name, ()):
        return True
    # A block of nothing but defaults, such as a Deployment's strategy.
    return isinstance(value, Mapping) and bool(value) and all(is_default(k, v, value) for k, v in value.items())
