"""The certificate of a server, as Kubernetes mounts it from a secret of the type kubernetes.io/tls."""

import ssl
from pathlib import Path


def server_context(folder: str) -> ssl.SSLContext:
    """From tls.crt and tls.key. One for each server: each says for itself which protocol it speaks. Raises OSError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Path(folder) / "tls.crt", Path(folder) / "tls.key")
    return context
