"""An independent implementation of the Seldon Core v1 API on Kubernetes.

Each sub-package is a room with one purpose; docs/architecture.md says which room holds what and who may import whom.
"""

__version__ = "0.1.0"
