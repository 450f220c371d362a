"""What the webhook's certificates need next: one pure step at a time, from what is stored to what should be stored.

Order matters, because the API server refuses to speak to a webhook whose authority it does not trust:

1. a new authority joins the bundle, the server keeps its certificate of the old one;
2. the bundle is written into the webhook's configuration;
3. only then the server gets a certificate of the new authority;
4. the old authority leaves the bundle when it has expired.

Several controllers may do this at once: each step is a write with a resourceVersion, and who comes second reads again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from . import certificates
from .certificates import Pair


@dataclass(frozen=True)
class Stored:
    """The Secret's content.

    Attributes:
        server: tls.crt and tls.key.
        authority: The newest authority, which signs: the first of ca.crt, and ca.key.
        bundle: ca.crt whole: all authorities that are to be trusted.
    """

    server: Pair
    authority: Pair
    bundle: bytes

    @classmethod
    def from_data(cls, data: Mapping[str, bytes]) -> "Stored | None":
        """Read the decoded data of the Secret; None where anything is missing or does not fit together."""
        bundle = data.get("ca.crt", b"")
        authorities = certificates.parse_bundle(bundle)
        if not authorities:
            return None
        authority = Pair(certificates.to_bundle(authorities[:1]), data.get("ca.key", b""))
        server = Pair(data.get("tls.crt", b""), data.get("tls.key", b""))
        if not certificates.fits(authority) or not certificates.fits(server):
            return None
        return cls(server=server, authority=authority, bundle=bundle)

    def to_data(self) -> dict[str, bytes]:
        """The data of the Secret."""
        return {
            "tls.crt": self.server.certificate,
            "tls.key": self.server.key,
            "ca.crt": self.bundle,
            "ca.key": self.authority.key,
        }


def next_stored(stored: Stored | None, trusted: bytes, names: tuple[str, ...], now: datetime) -> Stored | None:
    """What to store next, or None where everything is as it should be.

    Args:
        stored: What is stored; None where nothing usable is.
        trusted: The bundle that the API server uses now.
        names: DNS names of the server.
        now: The time.
    """
    if stored is None:
        authority = certificates.new_authority(now)
        return Stored(certificates.issue(authority, names, now), authority, authority.certificate)
    authorities = certificates.parse_bundle(stored.bundle)
    if certificates.is_due(stored.authority.x509, now):
        new = certificates.new_authority(now)
        bundle = certificates.to_bundle((new.x509, *_unexpired(authorities, now)))
        return Stored(stored.server, new, bundle)
    server = stored.server.x509
    is_current = (
        certificates.is_signed_by(server, stored.authority.x509)
        and certificates.names_of(server) == frozenset(names)
        and not certificates.is_due(server, now)
    )
    # Before the API server trusts the new authority, the old certificate is the better one; unless it is of no use at
    # all.
    valid = server.not_valid_before_utc <= now < server.not_valid_after_utc
    useful = valid and certificates.names_of(server) == frozenset(names)
    if not is_current and (not useful or stored.authority.x509 in certificates.parse_bundle(trusted)):
        return Stored(certificates.issue(stored.authority, names, now), stored.authority, stored.bundle)
    kept = (authorities[0], *_unexpired(authorities[1:], now))
    if len(kept) < len(authorities):
        return Stored(stored.server, stored.authority, certificates.to_bundle(kept))
    return None


def _unexpired(authorities: tuple[x509.Certificate, ...], now: datetime) -> tuple[x509.Certificate, ...]:
    return tuple(a for a in authorities if a.not_valid_after_utc > now)
