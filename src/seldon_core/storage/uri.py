"""Which model URIs are allowed, and what they name.

rclone accepts more than an address: connection strings carry configuration (and so commands), a leading dash is a flag,
a plain path is a file of this container. A URI comes from whoever may write a SeldonDeployment, so only the forms below
are taken and everything else is refused before any program runs. What needs no knowledge of stores is refused by the
functions of `seldon_core.api.model_uri`, as the webhook refuses it.

    s3://bucket/folder   gs:// gcs:// az:// azureblob:// minio://     a bucket's root, a folder or a single file
    https://ACCOUNT.blob.core.windows.net/container/folder           an Azure container
    https://host/folder/   http://host/folder/model.bin              a web server's folder (with an index) or file
    REMOTE:bucket/folder                                             a remote that the credentials define
    /mnt/pvc/folder                                                  what the controller makes of pvc://claim/folder
"""

import dataclasses
import re
from typing import Final
from urllib.parse import quote

from seldon_core.api import model_uri
from seldon_core.api.model_uri import ModelUriError

from .errors import ExitCode, StorageError
from .redact import one_line, redact

CLAIM_MOUNT = "/mnt/pvc"
SUPPORTED: Final = "s3://, gs://, gcs://, az://, azureblob://, minio://, https://, http://, pvc://, REMOTE:"
_BUCKET = re.compile(r"[$A-Za-z0-9][A-Za-z0-9._-]{0,221}")
# The public cloud, and the two that are apart from it.
_AZURE_HOST = re.compile(
    r"(?i)([a-z0-9]{3,24})\.blob\.core\.(windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)",
)
_WEB_HOST = re.compile(r"(?i)([a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?|\[[0-9a-f:.]+\])(:\d{1,5})?")
_WEB = frozenset({"http", "https"})
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
    `bucket/key` without slashes at its ends, or the absolute path on the claim. `origin` is scheme, host and port of
    what the URI names itself: an Azure account's address, or a web server's; `account` the Azure account. `folder`
    tells that the URI ends with a slash: web servers list what is in a folder only then.
    """

    text: str
    remote: str
    path: str
    account: str = ""
    origin: str = ""
    folder: bool = False

    @property
    def is_web(self) -> bool:
        """Whether a web server is asked, which knows no buckets."""
        return self.remote in _WEB

    @property
    def bucket(self) -> str:
        """The first segment of the path: what object stores call bucket or container."""
        return self.path.partition("/")[0]

    def with_path(self, path: str) -> str:
        """Return how a user writes another path of the same remote."""
        if not self.remote:
            return path
        if self.origin:
            return f"{self.origin}/{quote(path)}"
        separator = "://" if self.remote in _OBJECT_STORES else ":"
        return f"{self.remote}{separator}{path}"


def parse(text: str) -> ModelUri:
    """Return what the URI names.

    Raises StorageError(BAD_URI) with the reason for everything that is not one of the module's forms.
    """
    try:
        return _parse(text)
    except ModelUriError as error:
        # The rejected text may be a connection string with a password in it: what follows a comma or an @ is not
        # repeated.
        shown = one_line(re.sub(r"[,@?].*", "...", redact(text)), 120)
        raise StorageError(ExitCode.BAD_URI, f'modelUri "{shown}" {error.reason}', error.hint) from None


def _parse(text: str) -> ModelUri:
    if not text.strip():
        raise ModelUriError("is empty", "set modelUri")
    model_uri.check_characters(text)
    if text.startswith("/"):
        return _claim(text)
    name, rest = model_uri.split(text)
    if not name:
        raise ModelUriError("is not the address of a model", f"use one of {SUPPORTED}")
    if name == "pvc":
        raise ModelUriError(
            "is a claim that is not mounted here", f"the controller mounts it and passes {CLAIM_MOUNT}/<path>"
        )
    if name in _OTHER_SCHEMES:
        raise ModelUriError(f'has the scheme "{name}", which is not supported', f"use one of {SUPPORTED}")
    if name in _WEB:
        return _web(text, name, rest)
    uri = ModelUri(text=text, remote=name, path=_path(rest), folder=rest.endswith("/"))
    if name in _OBJECT_STORES:
        _check_bucket(uri.bucket)
    return uri


def _web(text: str, scheme: str, rest: str) -> ModelUri:
    if not rest.startswith("//"):
        raise ModelUriError("names no host", f"write {scheme}://host/folder/")
    host, _, path = rest.removeprefix("//").partition("/")
    if "?" in rest or "#" in rest:
        raise ModelUriError(
            "carries a query", "put a SAS token or what else opens the store into the secret, never into modelUri"
        )
    if "@" in host:
        raise ModelUriError("carries a user or a password", "put credentials into the secret")
    if not _WEB_HOST.fullmatch(host):
        raise ModelUriError("names no host", f"write {scheme}://host/folder/")
    origin = f"{scheme}://{host.lower()}"
    azure = _AZURE_HOST.fullmatch(host)
    if not azure:
        found = "/".join(model_uri.segments(path, scheme))
        if not found.isprintable():
            raise ModelUriError("holds control characters", "remove them")
        return ModelUri(text=text, remote=scheme, path=found, origin=origin, folder=path.endswith("/") or not path)
    if scheme != "https":
        raise ModelUriError("would send credentials in the clear", "write https://")
    uri = ModelUri(
        text=text, remote="azureblob", path=_path(path, scheme), account=azure.group(1).lower(), origin=origin
    )
    _check_bucket(uri.bucket)
    return uri


def _claim(text: str) -> ModelUri:
    path = "/" + _path(text)
    if path != CLAIM_MOUNT and not path.startswith(f"{CLAIM_MOUNT}/"):
        raise ModelUriError("is a path of this container", f"use one of {SUPPORTED}")
    return ModelUri(text=text, remote="", path=path)


def _path(path: str, scheme: str = "") -> str:
    found = model_uri.segments(path, scheme)
    if not found:
        raise ModelUriError("names no bucket", "write <scheme>://<bucket>/<folder>")
    return "/".join(found)


def _check_bucket(bucket: str) -> None:
    if "@" in bucket or ":" in bucket:
        raise ModelUriError("carries a user, a password or a port", "put credentials and the endpoint into the secret")
    if not _BUCKET.fullmatch(bucket):
        raise ModelUriError(
            f'has "{one_line(bucket, 80)}" in the place of a bucket', "write <scheme>://<bucket>/<folder>"
        )
