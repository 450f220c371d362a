"""From a model URI and credentials to files on disk.

The storage initializer is a short-lived container that Kubernetes starts before a model server. It reads one URI and
the credentials of its environment, and either leaves a whole model behind or says in one line why not. It stands on the
standard library and the `rclone` program alone, so that its image stays small and starts within a tenth of a second.

This room may import `seldon_core.api` and `seldon_core.kube`.
"""

from .local import Storage

__all__ = ["Storage"]
