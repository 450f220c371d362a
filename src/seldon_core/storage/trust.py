"""Certificates of own authorities, as the file that rclone wants, wherever they came from.

A secret that is read as variables (`envSecretRefName`) mounts no file, so the variable may hold the certificates
themselves. The container's file system is read-only; they go into a file in memory that rclone inherits.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import ExitCode, StorageError

_PEM = "-----BEGIN "
_VARIABLES = ("RCLONE_CA_CERT", "SSL_CERT_FILE")
# What the controller sets where the installation has an authority of its own: KServe's name, and its file there.
_MOUNT = "CA_BUNDLE_VOLUME_MOUNT_POINT"
_FILE = "cabundle.crt"
_PUBLIC = Path("/etc/ssl/certs/ca-certificates.crt")


def of_installation(env: Mapping[str, str]) -> str:
    """Return rclone's list of files for an installation with an authority of its own, "" for one without.

    The public authorities stay: an installation reads from its own store and from public ones. (rclone trusts nobody
    but those whom it is told.)
    """
    if not (folder := env.get(_MOUNT, "").strip()):
        return ""
    public = env.get("SSL_CERT_FILE", "").strip() or (str(_PUBLIC) if _PUBLIC.is_file() else "")
    own = str(Path(folder, _FILE))
    return f"{public},{own}" if public and _PEM not in public else own


@contextlib.contextmanager
def as_files(env: Mapping[str, str]) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Yield the environment with paths in the place of certificates, and the descriptors that a program must inherit.

    Raises StorageError(CONFIG) for a path without a file.
    """
    result = dict(env)
    descriptors: list[int] = []
    try:
        for name in _VARIABLES:
            value = env.get(name, "")
            if _PEM in value:
                descriptors.append(_in_memory(value))
                result[name] = f"/proc/self/fd/{descriptors[-1]}"
            elif missing := next((path for path in value.split(",") if path and not Path(path).is_file()), ""):
                raise StorageError(
                    ExitCode.CONFIG,
                    f"there is no file {missing}, which the certificates of the store's authority are to be read from",
                    "put the certificates themselves into RCLONE_CA_CERT or AWS_CA_BUNDLE of the secret",
                )
        yield result, tuple(descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _in_memory(certificates: str) -> int:
    descriptor = os.memfd_create("certificates")
    # Secrets made from one line have their line ends written out.
    os.write(descriptor, certificates.replace("\\n", "\n").encode())
    return descriptor
