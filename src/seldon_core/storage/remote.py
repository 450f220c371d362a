"""A store with the options to reach it, in rclone's terms, wherever the options came from."""

import dataclasses
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .redact import redact

S3 = "s3"
GCS = "google cloud storage"
AZURE = "azureblob"
HTTP = "http"

# Options that hold a credential: their values are never shown, and a remote without any is an anonymous one.
_CREDENTIAL = re.compile(r"key|secret|token|pass|credential|sas|user|service_account_file|connection_string|headers")
_TRUE = frozenset({"true", "1", "yes"})
# rclone's S3 providers (v1.75.1, backend/s3/provider): matched in any case, because rclone takes only its own spelling
# and Seldon's documents say "minio" and "aws".
_PROVIDERS = """
    AWS, Alibaba, ArvanCloud, BizflyCloud, Ceph, ChinaMobile, Cloudflare, Cubbit, DigitalOcean, Dreamhost, Exaba,
    Fastly, FileLu, FlashBlade, GCS, HCP, Hetzner, HuaweiOBS, IBMCOS, IDrive, IONOS, ImpossibleCloud, Intercolo,
    Leviia, Liara, Linode, LyveCloud, Magalu, Mega, Minio, Netease, OVHcloud, Other, Outscale, Petabox, Qiniu,
    Rabata, RackCorp, Rclone, Scaleway, Scality, SeaweedFS, Selectel, Servercore, SpectraLogic, Storj, Synology,
    TencentCOS, us3, Wasabi, Zadara, Zata, ZeroServices
"""
_SPELLING = {name.strip().lower(): name.strip() for name in _PROVIDERS.split(",")}


@dataclasses.dataclass(frozen=True)
class Remote:
    """One way to reach the store.

    `name` is what the user calls it. `options` are rclone's options of the remote, keys in lower case. `flags` are
    RCLONE_* settings that belong to it (an own CA, no TLS verification). `keys` names the secret's keys that hold its
    credentials, for messages. `ambient` tells that credentials come from the pod's identity, so that the SDK's own
    variables are passed on.
    """

    name: str
    options: Mapping[str, str]
    keys: str
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def ambient(self) -> bool:
        """Whether the cloud's SDK looks for credentials itself (workload identity, instance role)."""
        return self.options.get("env_auth", "").lower() in _TRUE

    @property
    def is_web(self) -> bool:
        """Whether it is a web server: it has folders where it shows an index, and neither buckets nor digests."""
        return self.options.get("type") == HTTP

    @property
    def anonymous(self) -> bool:
        """Whether the store is asked without credentials."""
        return not self.ambient and not self.secrets

    @property
    def endpoint(self) -> str:
        """The endpoint as it may be shown, empty for a cloud's default."""
        return redact(self.options.get("endpoint") or self.options.get("url", ""), self.secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must not be shown."""
        return tuple(value for key, value in self.options.items() if value and _CREDENTIAL.search(key))


def fix_provider(provider: str) -> str:
    """Return rclone's own spelling of an S3 provider; an unknown one becomes "Other", which speaks plain S3."""
    return _SPELLING.get(provider.lower(), "Other")


def guess_provider(endpoint: str) -> str:
    """Return the S3 provider of an endpoint URL, "AWS" for none."""
    host = (urlsplit(endpoint).hostname or "").lower()
    if not endpoint or host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return "AWS"
    if host == "storage.googleapis.com":
        return "GCS"
    return "Minio" if "minio" in host else "Other"
