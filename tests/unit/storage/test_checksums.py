"""S3's additional checksums: what is read from heads, and how files are held against them."""

import base64
import hashlib
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from seldon_core.storage import checksums, claims, copying, crc, etags, hashing
from seldon_core.storage import main as command
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone, etag_of, files, verified

URI = "s3://sklearn/iris"
KEY = "sklearn/iris/model.bin"
CONTENT = bytes(range(250)) * 40
PART = 4096
# In the place of the program, which tests/integration runs: its answers for the algorithms that Python has.
PROGRAM = """
import hashlib, json, sys, zlib
for number, line in enumerate(sys.stdin):
    asked = json.loads(line)
    with open(asked["path"], "rb") as stream:
        stream.seek(asked["offset"])
        content = stream.read(asked["length"])
    if asked["algorithm"] == "crc32":
        digest = zlib.crc32(content).to_bytes(4, "big").hex()
    elif asked["algorithm"].startswith("crc"):
        digest = "-"
    else:
        digest = hashlib.new(asked["algorithm"], content).hexdigest()
    print(number, digest, flush=True)
"""
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(autouse=True)
def _store(fake_rclone: FakeRclone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "PIECE", 1000)
    monkeypatch.setattr(etags, "_USUAL", (PART,))
    monkeypatch.setattr(copying, "LARGE", 5000)
    monkeypatch.setattr(copying, "_FLAGS", (*copying._FLAGS, "--multi-thread-chunk-size=1000B"))
    program = fake_rclone.folder / "partsums"
    program.write_text(f"#!{sys.executable} -SE\n{PROGRAM}", encoding="utf-8")
    program.chmod(0o755)
    fake_rclone.put(KEY, CONTENT)
    fake_rclone.put("sklearn/iris/small.txt", b"small")
    fake_rclone.hash_all()


def parts(part: int = PART, content: bytes = CONTENT) -> Iterator[bytes]:
    return (content[at : at + part] for at in range(0, len(content), part))


def base(digest: bytes, suffix: str = "") -> str:
    return base64.b64encode(digest).decode() + suffix


def crc32(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def lines(value: str) -> tuple[str, str]:
    """The head's lines of a CRC32, of the whole or of parts."""
    kind = "COMPOSITE" if "-" in value else "FULL_OBJECT"
    return f"X-Amz-Checksum-Crc32: {value}", f"X-Amz-Checksum-Type: {kind}"


def composite(part: int = PART) -> str:
    found = [crc32(each) for each in parts(part)]
    return base(crc32(b"".join(found)), f"-{len(found)}")


def etag(part: int = PART) -> str:
    return etag_of(CONTENT, part)


def copies(fake: FakeRclone) -> int:
    return sum(call["args"][0] == "copy" for call in fake.calls)


HEADS = {
    "X-Amz-Checksum-Crc64nvme: aE3sttxlISs=": {"crc64nvme": "684decb6dc65212b"},
    "Etag: 0a-256\r\nx-amz-checksum-crc32: IRZEkg==-256": {"crc32": "21164492-256"},
    "X-Amz-Checksum-Type: COMPOSITE\r\nx-amz-checksum-crc32: IRZEkg==-256": {"crc32": "21164492-256"},
    "X-Amz-Checksum-Type: COMPOSITE": None,
    'X-Amz-Checksum-Type: FULL_OBJECT\r\nEtag: "0a-2"\r\nX-Amz-Checksum-Crc32: IRZEkg==': {"crc32": "21164492"},
    # Of the whole, or of the parts? Nobody says.
    'Etag: "0a-2"\r\nX-Amz-Checksum-Crc32: IRZEkg==': None,
    "X-Amz-Checksum-Type: COMPOSITE\r\nX-Amz-Checksum-Crc32: IRZEkg==": None,
    "X-Amz-Checksum-Type: FULL_OBJECT\r\nX-Amz-Checksum-Crc32: IRZEkg==-2": None,
    "X-Amz-Checksum-Crc32: IRZEkg": None,
    "X-Amz-Checksum-Crc32: aE3sttxlISs=": None,
    "X-Amz-Checksum-Md7: IRZEkg==": None,
    "X-Amz-Meta-Note: X-Amz-Checksum-Crc32: IRZEkg==": None,
}


@pytest.mark.parametrize("line", HEADS)
def test_heads(line: str) -> None:
    assert checksums.pick(f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{line}\r\n\r\n") == HEADS[line]


def test_all_that_a_head_shows() -> None:
    head = f"X-Amz-Checksum-Sha256: {base(bytes(32))}\r\nX-Amz-Checksum-Crc32c: {base(b'abcd')}\r\n"

    assert checksums.pick(head) == {"sha256": "00" * 32, "crc32c": b"abcd".hex()}


@pytest.mark.parametrize("kind", [*crc.KINDS, "md5", "sha1", "sha256"])
@pytest.mark.parametrize("in_parts", [False, True])
def test_claims_are_met_by_what_they_were_made_of(kind: str, in_parts: bool) -> None:  # noqa: FBT001  # a case
    def digest(content: bytes) -> bytes:
        return crc.of(kind, content) if kind in crc.KINDS else hashlib.new(kind, content).digest()

    found = [digest(each) for each in parts()]
    text = f"{digest(b''.join(found)).hex()}-{len(found)}" if in_parts else digest(CONTENT).hex()
    (claim,) = claims.of({"etag" if kind == "md5" and in_parts else kind: text})

    assert claim.decides != in_parts
    for content, fits in ((CONTENT, True), (CONTENT[:-1] + b"x", False)):
        length = claim.lengths(len(content))[0]
        stretches = [digest(each) for each in parts(length, content)]
        assert (claim.made_of(stretches, len(content), length) == claim.digest) == fits


def test_what_is_quickest_comes_first() -> None:
    hashes = {"md5": "0", "sha1": "0", "etag": "0-2", "crc32": "0-2", "crc64nvme": "0", "whirlpool": "0"}

    assert [claim.how for claim in claims.of(hashes)] == ["crc64nvme", "crc32", "etag", "sha1", "md5"]


@pytest.mark.parametrize("uri", [URI, f"{URI}/model.bin"])
@pytest.mark.parametrize("value", [base(crc32(CONTENT)), composite()])
@pytest.mark.parametrize("tagged", [False, True])
def test_a_checksum_proves_a_large_file(
    fake_rclone: FakeRclone,
    destination: Path,
    uri: str,
    value: str,
    tagged: bool,  # noqa: FBT001  # a case
) -> None:
    if tagged:
        fake_rclone.tag(KEY, etag(777))
    fake_rclone.checksum(KEY, *lines(value))

    assert command.main([uri, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "crc32"
    assert copies(fake_rclone) == 1


@pytest.mark.parametrize(("tagged", "how"), [(True, "crc32"), (False, "md5")])
def test_parts_of_another_size(fake_rclone: FakeRclone, destination: Path, tagged: bool, how: str) -> None:  # noqa: FBT001  # a case
    """Equal ones are tried as well; an MD5 of the whole, which decides, comes before that."""
    if tagged:
        fake_rclone.tag(KEY, etag(777))
    fake_rclone.checksum(KEY, *lines(composite(3334)))

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == how
    assert copies(fake_rclone) == 1


@pytest.mark.parametrize(("times", "status"), [(1, ExitCode.OK), (2, ExitCode.DIGEST)])
@pytest.mark.parametrize("value", [base(crc32(CONTENT)), composite()])
def test_a_large_file_that_does_not_fit(
    fake_rclone: FakeRclone, destination: Path, value: str, times: int, status: ExitCode
) -> None:
    fake_rclone.tag(KEY, etag())
    fake_rclone.checksum(KEY, *lines(value))
    fake_rclone.damage(KEY, times)

    assert command.main([URI, str(destination)]) == status
    assert copies(fake_rclone) == 2
    assert files(destination).get("model.bin", CONTENT) == CONTENT


def test_a_checksum_that_is_not_met_twice_is_refused(fake_rclone: FakeRclone, destination: Path) -> None:
    """Two readings that are alike do not help: the checksum of the whole decides."""
    fake_rclone.tag(KEY, etag(777))
    fake_rclone.checksum(KEY, *lines(base(crc32(b"another"))))

    assert command.main([URI, str(destination)]) == ExitCode.DIGEST
    assert files(destination) == {}


@pytest.mark.parametrize("header", ["X-Amz-Checksum-Crc64nvme: aE3sttxlISs=", "X-Amz-Checksum-Crc64nvme: bad"])
def test_what_cannot_be_made_is_no_proof_against_a_file(
    fake_rclone: FakeRclone, destination: Path, header: str
) -> None:
    """The stand-in knows no crc64nvme; the ETag is there, too."""
    fake_rclone.tag(KEY, etag())
    fake_rclone.checksum(KEY, header)

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "etag"
    assert copies(fake_rclone) == 1


@pytest.mark.parametrize("size", [10**9, 5000])
def test_an_object_that_its_listing_says_nothing_of(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """As with keys of a key service, large or not."""
    monkeypatch.setattr(copying, "LARGE", size)
    fake_rclone.tag(KEY, etag(), "X-Amz-Server-Side-Encryption: aws:kms")
    fake_rclone.checksum(KEY, f"X-Amz-Checksum-Sha256: {base(hashlib.sha256(CONTENT).digest())}")

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination) == {"model.bin": "sha256", "small.txt": "md5"}


def test_an_etag_that_fits_no_size_needs_no_second_reading_beside_a_checksum(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "LARGE", 10**9)
    fake_rclone.tag(KEY, etag(777))
    fake_rclone.checksum(KEY, *lines(base(crc32(CONTENT))))

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "crc32"
    assert copies(fake_rclone) == 1


def test_only_large_files_and_those_without_a_proof_are_asked_for(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "LARGE", 10**9)
    fake_rclone.tag(KEY, etag())

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert [call["args"][0] for call in fake_rclone.calls] == ["lsjson", "copy"]


def test_a_store_that_refuses_to_tell(fake_rclone: FakeRclone, destination: Path) -> None:
    fake_rclone.tag(KEY, etag())
    fake_rclone.answer({"1": {"status": 1, "messages": ["403"]}})

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "etag"


def test_without_the_program_nobody_asks(fake_rclone: FakeRclone, destination: Path) -> None:
    (fake_rclone.folder / "partsums").unlink()
    fake_rclone.tag(KEY, etag())
    fake_rclone.checksum(KEY, *lines(base(crc32(b"another"))))

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "etag"
    assert all(call["args"][0] != "cat" for call in fake_rclone.calls)
