"""Certificates through the years, by a clock that the test moves: the webhook must be trusted at any moment."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from seldon_core.operator.webhook import certificates
from seldon_core.operator.webhook.rotation import Stored, next_stored

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("webhook.sys.svc", "webhook")


def settle(stored: Stored | None, trusted: bytes, now: datetime, names: tuple[str, ...] = NAMES) -> Stored:
    """Step until nothing is to do, publishing the bundle after each step as the controller does."""
    for _ in range(10):
        wanted = next_stored(stored, trusted, names, now)
        if wanted is None:
            assert stored is not None
            return stored
        stored, trusted = wanted, wanted.bundle
    raise AssertionError("the certificates do not settle")


def is_trusted(stored: Stored, bundle: bytes, now: datetime) -> bool:
    """Whether a client with that bundle accepts the server's certificate now."""
    store = x509.verification.Store(
        [a for a in certificates.parse_bundle(bundle) if a.not_valid_after_utc > now and a.not_valid_before_utc <= now]
    )
    verifier = x509.verification.PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(NAMES[0]))
    try:
        verifier.verify(stored.server.x509, [])
    except x509.verification.VerificationError:
        return False
    return True


def test_the_first_certificate_is_trusted_and_stays_as_it_is() -> None:
    stored = settle(None, b"", START)

    assert is_trusted(stored, stored.bundle, START)
    assert certificates.names_of(stored.server.x509) == set(NAMES)
    assert next_stored(stored, stored.bundle, NAMES, START + timedelta(days=1)) is None
    assert Stored.from_data(stored.to_data()) == stored


def test_three_years_without_a_moment_of_distrust() -> None:
    """The API server learns of a bundle one step after it was stored; the server is trusted with both."""
    stored = settle(None, b"", START)
    trusted, now = stored.bundle, START
    servers, authorities = set(), set()
    while now < START + timedelta(days=3 * 365):
        now += timedelta(days=1)
        wanted = next_stored(stored, trusted, NAMES, now)
        if wanted is not None:
            assert is_trusted(wanted, trusted, now), now
            stored = wanted
        assert is_trusted(stored, stored.bundle, now), now
        trusted = stored.bundle
        servers.add(stored.server.x509.serial_number)
        authorities.add(stored.authority.x509.serial_number)
        assert len(certificates.parse_bundle(stored.bundle)) <= 2

    assert len(servers) > 10
    assert len(authorities) > 3


def test_the_server_keeps_its_certificate_until_the_new_authority_is_trusted() -> None:
    old = settle(None, b"", START)
    now = old.authority.x509.not_valid_after_utc - timedelta(days=100)
    renewed = settle(old, old.bundle, now - timedelta(days=30))
    rotated = next_stored(renewed, renewed.bundle, NAMES, now)
    assert rotated is not None
    assert rotated.authority.x509 != renewed.authority.x509
    assert rotated.server == renewed.server
    assert next_stored(rotated, renewed.bundle, NAMES, now) is None
    after = next_stored(rotated, rotated.bundle, NAMES, now)

    assert after is not None
    assert certificates.is_signed_by(after.server.x509, rotated.authority.x509)


def test_a_controller_that_slept_beyond_every_expiry_starts_again() -> None:
    old = settle(None, b"", START)
    now = START + timedelta(days=1000)
    new = settle(old, old.bundle, now)

    assert is_trusted(new, new.bundle, now)


def test_what_was_made_while_the_clock_was_ahead_is_made_anew() -> None:
    future = settle(None, b"", START + timedelta(days=2000))
    assert future.server.x509.not_valid_before_utc > START
    new = settle(future, future.bundle, START)

    assert is_trusted(new, new.bundle, START)


def test_another_service_name_gets_another_certificate() -> None:
    old = settle(None, b"", START)
    new = settle(old, old.bundle, START, names=("other.sys.svc",))

    assert certificates.names_of(new.server.x509) == {"other.sys.svc"}
    assert new.authority == old.authority


@pytest.mark.parametrize("broken", ["tls.crt", "tls.key", "ca.crt", "ca.key"])
def test_a_damaged_secret_counts_as_none(broken: str) -> None:
    data = settle(None, b"", START).to_data()
    other = settle(None, b"", START).to_data()

    assert Stored.from_data(data | {broken: b"no certificate"}) is None
    assert Stored.from_data({k: v for k, v in data.items() if k != broken}) is None
    assert Stored.from_data(data | {broken: other[broken]}) is None or broken == "ca.crt"


def test_a_private_key_is_never_shown() -> None:
    stored = settle(None, b"", START)

    assert "PRIVATE" not in repr(stored)
