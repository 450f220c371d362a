"""The webhook's own certificate authority: pure functions from a clock and keys to PEM.

A small private authority, for one server name, so that the chart needs no cert-manager and no hook. Keys are ECDSA
P-256.
Source: design, decision 6; v1.17.1's certificate expired after a year, and nobody noticed before (specification 6, 3).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=365)
SERVER_LIFETIME = timedelta(days=90)
RENEW_AT = 1 / 3
"""A certificate is renewed when less than this share of its lifetime is left."""
CLOCK_SKEW = timedelta(minutes=5)
"""A new certificate is valid a little earlier, for readers whose clock is behind."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM. Never printed: `repr` leaves the key out."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(...)"

    @property
    def x509(self) -> x509.Certificate:
        """The certificate, parsed.

        Raises:
            ValueError: It is none.
        """
        return x509.load_pem_x509_certificate(self.certificate)


def new_authority(now: datetime) -> Pair:
    """A new authority that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial number in the name tells two authorities apart that overlap.
    serial = x509.random_serial_number()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "seldon-core-operator webhook"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{serial:x}"),
        ]
    )
    builder = (
        _builder(now, AUTHORITY_LIFETIME, serial)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Pair, names: tuple[str, ...], now: datetime) -> Pair:
    """A server certificate for DNS names, not valid beyond its authority."""
    signer, signing_key = authority.x509, _private_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    lifetime = min(SERVER_LIFETIME, signer.not_valid_after_utc - now)
    identifier = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(now, lifetime, x509.random_serial_number())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return _pair(builder.sign(signing_key, hashes.SHA256()), key)


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it is time to renew a certificate; also one of the future, made while a clock was wrong."""
    whole = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return now < certificate.not_valid_before_utc or now >= certificate.not_valid_after_utc - whole * RENEW_AT


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - the library raises several kinds, and each means no
        return False
    return True


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """The DNS names of a server certificate."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(extension.value.get_values_for_type(x509.DNSName))


def fits(pair: Pair) -> bool:
    """Whether a certificate and a private key belong together."""
    try:
        public = _private_key(pair.key).public_key()
        return public == pair.x509.public_key()
    except (ValueError, TypeError):
        return False


def parse_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a bundle; none where it cannot be read."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return ()


def to_bundle(certificates: tuple[x509.Certificate, ...]) -> bytes:
    """The PEM of several certificates."""
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def _builder(now: datetime, lifetime: timedelta, serial: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().serial_number(serial)
    return builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(now + lifetime)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key is no ECDSA key")
    return key


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
