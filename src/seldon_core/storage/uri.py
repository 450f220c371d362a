"""Which model URIs are allowed, and what they name.

rclone accepts more than an address: connection strings carry configuration (and so commands), a leading dash is a flag,
a plain path is a file of this container. A URI comes from whoever may write a SeldonDeployment, so only the forms below
are taken and everything else is refused before any program runs.

    s3://bucket/folder   gs:// gcs:// az:// azureblob:// minio://     a bucket's root, a folder or a single file
    https://ACCOUNT.blob.core.windows.net/container/folder           an Azure container
    REMOTE:bucket/folder                                             a remote that the credentials define
    /mnt/pvc/folder                                                  what the controller makes of pvc://claim/folder
"""

import dataclasses
import re

from .errors import ExitCode, StorageError
from .redact import one_line, redact

CLAIM_MOUNT = "/mnt/pvc"
SUPPORTED = (
    "s3://, gs://, gcs://, az://, azureblob://, minio://, https://ACCOUNT.blob.core.windows.net/, pvc://, REMOTE:"
)
# Longer than any key that a store takes (1,024 bytes) with its bucket.
_LONGEST = 2048
_REMOTE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_BUCKET = re.compile(r"[$A-Za-z0-9][A-Za-z0-9._-]{0,221}")
_AZURE_HOST = re.compile(r"(?i)([a-z0-9]{3,24})\.blob\.core\.windows\.net")
_OBJECT_STORES = frozenset({"s3", "minio", "gs", "gcs", "az", "azureblob"})
# Schemes that people try, so that they hear "not supported" and not "no such remote".
_OTHER_SCHEMES = frozenset(
    {
        "file",
        "local",
        "ftp",
        "sftp",
        "ssh",
        "hdfs",
        "webhdfs",
        "hf",
        "oci",
        "docker",
        "git",
        "dbfs",
        "data",
        "mlflow",
        "models",
    }
)


@dataclasses.dataclass(frozen=True)
class ModelUri:
    """A URI that passed the allow-list.

    `text` is what people are shown. `remote` is the lower-case name of the remote, empty for a mounted claim. `path` is
    `bucket/key` without slashes at its ends, or the absolute path on the claim. `account` is the Azure account, if the
    URI names one.
    """

    text: str
    remote: str
    path: str
    account: str = ""

    @property
    def bucket(self) -> str:
        """The first segment of the path: what object stores call bucket or container."""
        return self.path.partition("/")[0]

    def with_path(self, path: str) -> str:
        """Return how a user writes another path of the same remote."""
        if not self.remote:
            return path
        if self.account:
            return f"https://{self.account}.blob.core.windows.net/{path}"
        separator = "://" if self.remote in _OBJECT_STORES else ":"
        return f"{self.remote}{separator}{path}"


def parse(text: str) -> ModelUri:
    """Return what the URI names.

    Raises StorageError(BAD_URI) with the reason for everything that is not one of the module's forms.
    """
    if not text.strip():
        raise _refused(text, "is empty", "set modelUri")
    if len(text) > _LONGEST:
        raise _refused(text, f"is longer than {_LONGEST} characters", "shorten it")
    if any(not c.isprintable() for c in text) or text != text.strip():
        raise _refused(text, "holds white space at an end or control characters", "remove them")
    if text.startswith("/"):
        return _claim(text)
    name, rest = _split(text)
    if name in {"http", "https"}:
        return _azure(text, name, rest)
    path = _path(text, rest.removeprefix("//"))
    uri = ModelUri(text=text, remote=name, path=path)
    if name in _OBJECT_STORES:
        _check_bucket(text, uri.bucket)
    return uri


def _split(text: str) -> tuple[str, str]:
    """Return the scheme or remote in lower case, and what follows its colon."""
    name, colon, rest = text.partition(":")
    if not colon and not text.startswith("-"):
        raise _refused(text, "is not the address of a model", f"use one of {SUPPORTED}")
    if not _REMOTE.fullmatch(name):
        raise _refused(
            text,
            "does not start with a scheme or a remote's name",
            "flags, connection strings and options are not allowed; "
            "put the remote's options into the secret as RCLONE_CONFIG_<REMOTE>_*",
        )
    name = name.lower()
    if name == "pvc":
        raise _refused(
            text, "is a claim that is not mounted here", f"the controller mounts it and passes {CLAIM_MOUNT}/<path>"
        )
    if name in _OTHER_SCHEMES:
        raise _refused(text, f'has the scheme "{name}", which is not supported', f"use one of {SUPPORTED}")
    return name, rest


def _azure(text: str, scheme: str, rest: str) -> ModelUri:
    host, _, path = rest.removeprefix("//").partition("/")
    match = _AZURE_HOST.fullmatch(host)
    if not match or scheme != "https":
        raise _refused(text, "is a web address that is not an Azure container", f"use one of {SUPPORTED}")
    if "?" in path or "#" in path:
        raise _refused(text, "carries a query", "put a SAS token into the secret, never into modelUri")
    path = _path(text, path)
    _check_bucket(text, path.partition("/")[0])
    return ModelUri(text=text, remote="azureblob", path=path, account=match.group(1).lower())


def _claim(text: str) -> ModelUri:
    path = "/" + _path(text, text)
    if path != CLAIM_MOUNT and not path.startswith(f"{CLAIM_MOUNT}/"):
        raise _refused(text, "is a path of this container", f"use one of {SUPPORTED}")
    return ModelUri(text=text, remote="", path=path)


def _path(text: str, path: str) -> str:
    # Empty segments are dropped as rclone drops them: URIs put together by templates often have "bucket//folder".
    segments = [segment for segment in path.split("/") if segment]
    if any(segment in {".", ".."} for segment in segments):
        raise _refused(text, 'has a "." or ".." segment', "write the folder's full path")
    if not segments:
        raise _refused(text, "names no bucket", "write <scheme>://<bucket>/<folder>")
    return "/".join(segments)


def _check_bucket(text: str, bucket: str) -> None:
    if "@" in bucket or ":" in bucket:
        raise _refused(text, "carries a user, a password or a port", "put credentials and the endpoint into the secret")
    if not _BUCKET.fullmatch(bucket):
        raise _refused(
            text, f'has "{one_line(bucket, 80)}" in the place of a bucket', "write <scheme>://<bucket>/<folder>"
        )


def _refused(text: str, reason: str, hint: str) -> StorageError:
    # The rejected text may be a connection string with a password in it: what follows a comma or an @ is not repeated.
    shown = one_line(re.sub(r"[,@?].*", "...", redact(text)), 120)
    return StorageError(ExitCode.BAD_URI, f'modelUri "{shown}" {reason}', hint)
