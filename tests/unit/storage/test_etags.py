"""ETags of parts: how they are read from rclone's log, and what sizes of parts are tried."""

import hashlib

import pytest

from seldon_core.storage import claims, etags
from seldon_core.storage.heads import Heads

MIB = 1024 * 1024
TAG = "3f558432c91ebde5a9cb408d59ebd756-3"


def read(*messages: str) -> Heads[str]:
    headers = Heads("HEAD", etags.pick)
    for message in messages:
        headers.read(message)
    return headers


def asked(url: str, number: str = "0xc1", method: str = "HEAD") -> tuple[str, str]:
    return f"HTTP REQUEST (req {number})", f"{method} {url} HTTP/1.1\r\nHost: minio\r\n\r\n"


def answered(*lines: str, number: str = "0xc1") -> tuple[str, str]:
    return f"HTTP RESPONSE (req {number})", "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *lines, ""))


@pytest.mark.parametrize("url", ["/models/a%20b/%C3%BC.bin", "/a%20b/%C3%BC.bin"])
def test_an_etag_is_found_by_bucket_and_key(url: str) -> None:
    headers = read(*asked(url), *answered("Content-Length: 5", f'ETag: "{TAG}"'))

    assert headers.of("models", "a b/ü.bin") == TAG
    assert headers.of("models", "b/ü.bin") is None


def test_answers_belong_to_their_requests() -> None:
    first, second = f"{'a' * 32}-2", f"{'b' * 32}-9"
    headers = read(
        *asked("/m/one", "0x1"),
        *asked("/m/two", "0x2"),
        *answered(f"Etag: {second}", number="0x2"),
        "a message about something else",
        *answered(f"Etag: {first}", number="0x1"),
    )

    assert (headers.of("m", "one"), headers.of("m", "two")) == (first, second)


@pytest.mark.parametrize(
    "lines",
    [
        ('Etag: "764efa883dda1e11db47671c4a3bbd9e"',),
        (f"Etag: {TAG}", "X-Amz-Server-Side-Encryption: aws:kms"),
        (f"Etag: {TAG}", "x-amz-server-side-encryption-customer-algorithm: AES256"),
        ("Etag: 1234-3",),
        ("X-Etag: none",),
    ],
)
def test_other_etags_are_none_of_parts(lines: tuple[str, ...]) -> None:
    assert read(*asked("/m/one"), *answered(*lines)).of("m", "one") is None


def test_encryption_with_the_stores_own_key_changes_no_etag() -> None:
    headers = read(*asked("/m/one"), *answered(f"Etag: {TAG}", "X-Amz-Server-Side-Encryption: AES256"))

    assert headers.of("m", "one") == TAG


def test_only_heads_are_read() -> None:
    assert read(*asked("/m/one", method="GET"), *answered(f"Etag: {TAG}")).of("m", "one") is None


def test_the_digest_of_digests() -> None:
    parts = [hashlib.md5(text, usedforsecurity=False).digest() for text in (b"one", b"two")]

    tag = f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-2"
    (claim,) = claims.of({etags.ETAG: tag})

    assert f"{claim.made_of(parts, 6, 3)}-{claim.parts}" == tag
    assert claim.parts == 2


@pytest.mark.parametrize(
    ("size", "part"),
    [(2048 * MIB, 8 * MIB), (20_000_000, 8 * MIB), (700 * MIB, 50 * MIB), (99 * MIB, 33 * MIB), (1001, 91), (5, 5)],
)
def test_the_right_size_of_parts_is_among_the_few_that_are_tried(size: int, part: int) -> None:
    parts = -(-size // part)
    found = etags.part_sizes(size, parts)

    assert part in found
    assert len(found) <= 6
    assert all(-(-size // each) == parts for each in found)


@pytest.mark.parametrize(("size", "parts"), [(10, 11), (1, 2), (10, 7)])
def test_counts_that_no_size_explains(size: int, parts: int) -> None:
    assert etags.part_sizes(size, parts) == ()
