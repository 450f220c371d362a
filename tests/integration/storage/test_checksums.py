"""What today's tools of AWS upload with: additional checksums, from a real MinIO, with the real programs."""

import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from seldon_core.storage.errors import ExitCode
from tests.integration.storage import web
from tests.integration.storage.local import Fetcher, upload
from tests.integration.storage.places import S3, S3_ACCESS_KEY, S3_SECRET_KEY

MIB = 1024 * 1024
LARGE = bytes(range(239)) * 1_140_000
"""260 MiB: such a file comes over several connections, and the store is asked for its checksums."""
ODD = 16 * MIB + 12_345
"""Bytes of parts that no tool uses."""
KINDS = ("crc64nvme", "crc32c", "sha256")


def client(store: S3, **options: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        aws_access_key_id=S3_ACCESS_KEY,
        aws_secret_access_key=S3_SECRET_KEY,
        region_name="us-east-1",
        config=Config(**options),
    )


@pytest.fixture(scope="module")
def large(minio: S3, rclone: Path, tmp_path_factory: pytest.TempPathFactory) -> S3:
    """Objects of the bucket `sums`, each in a folder: of every kind, and as the tools upload that give no choice."""
    folder = tmp_path_factory.mktemp("sums")
    path = folder / "sums" / "rclone" / "model.bin"
    today, before = client(minio), client(minio, request_checksum_calculation="when_required")
    options = {"type": "s3", "provider": "Minio", "endpoint": minio.endpoint, "env_auth": "false"}
    options |= {"access_key_id": S3_ACCESS_KEY, "secret_access_key": S3_SECRET_KEY}
    upload(rclone, folder, {"sums/rclone/model.bin": LARGE}, options)
    for kind in KINDS:
        today.upload_file(str(path), "sums", f"{kind}/model.bin", ExtraArgs={"ChecksumAlgorithm": kind.upper()})
    today.upload_file(str(path), "sums", "boto3/model.bin")
    before.upload_file(str(path), "sums", "plain/model.bin")
    odd = TransferConfig(multipart_chunksize=ODD)
    today.upload_file(str(path), "sums", "odd-crc32/model.bin", Config=odd)
    arguments = {"ChecksumAlgorithm": "CRC64NVME"}
    today.upload_file(str(path), "sums", "odd-crc64nvme/model.bin", Config=odd, ExtraArgs=arguments)
    whole = TransferConfig(multipart_threshold=2 * len(LARGE))
    today.upload_file(str(path), "sums", "whole/model.bin", Config=whole)
    return minio


UPLOADS = {
    "crc64nvme": "crc64nvme",
    "crc32c": "crc32c",
    # An ETag of parts is made quicker than the SHA of parts, and than the MD5 of the whole that rclone notes.
    "sha256": "etag",
    "rclone": "etag",
    "boto3": "crc32",
    "whole": "crc32",
    "plain": "etag",
    "odd-crc64nvme": "crc64nvme",
}


@pytest.mark.parametrize("folder", UPLOADS)
def test_what_a_large_file_is_held_against(fetcher: Fetcher, large: S3, folder: str) -> None:
    outcome = fetcher.run(f"s3://sums/{folder}", large.styles()["kfserving"][1])

    outcome.assert_whole({"model.bin": LARGE})
    assert fetcher.verified() == {"model.bin": UPLOADS[folder]}


def test_an_object_alone(fetcher: Fetcher, large: S3) -> None:
    outcome = fetcher.run("s3://sums/crc64nvme/model.bin", large.styles()["rclone"][1])

    outcome.assert_whole({"model.bin": LARGE})
    assert fetcher.verified() == {"model.bin": "crc64nvme"}


def test_parts_that_fit_no_size_prove_nothing(fetcher: Fetcher, large: S3) -> None:
    outcome = fetcher.run("s3://sums/odd-crc32", large.styles()["kfserving"][1])

    outcome.assert_whole({"model.bin": LARGE})
    assert fetcher.verified() == {"model.bin": "twice"}


@pytest.mark.parametrize(("count", "status"), [(1, ExitCode.OK), (1000, ExitCode.DIGEST)])
@pytest.mark.parametrize("folder", ["crc64nvme", "boto3", "odd-crc64nvme", "rclone"])
def test_a_byte_that_was_changed_on_the_way(
    fetcher: Fetcher, large: S3, folder: str, count: int, status: ExitCode
) -> None:
    with web.serve(web.faulty(large.endpoint, "model.bin", web.flips(count))) as url:
        outcome = fetcher.run(f"s3://sums/{folder}", large.at(url).styles()["kfserving"][1])

    assert "model.bin: not what the store's digest says: fetching again" in outcome.output
    if status is ExitCode.OK:
        outcome.assert_whole({"model.bin": LARGE})
        assert fetcher.verified() == {"model.bin": UPLOADS[folder]}
    else:
        outcome.assert_told(status, "arrived with another content than the store's")


def test_a_store_that_refuses_the_question(fetcher: Fetcher, large: S3) -> None:
    through = web.forward(large.endpoint)

    def refuse(request: web.Request) -> web.Answer:
        asks = any(header.lower() == "x-amz-checksum-mode" for header in request.headers)
        return web.Answer(403) if asks else through(request)

    with web.serve(refuse) as url:
        outcome = fetcher.run("s3://sums/boto3", large.at(url).styles()["kfserving"][1])

    outcome.assert_whole({"model.bin": LARGE})
    assert fetcher.verified() == {"model.bin": "etag"}


@pytest.mark.parametrize("kind", [*KINDS, "crc32", "sha1"])
def test_small_objects_whose_etag_fits_no_size(fetcher: Fetcher, minio: S3, tmp_path: Path, kind: str) -> None:
    """With a checksum of the whole nothing is read twice; with one of parts the sizes are as unknown."""
    content = os.urandom(6 * MIB)
    (tmp_path / "small.bin").write_bytes(content)
    store, bucket = client(minio), f"small-{kind}"
    store.create_bucket(Bucket=bucket)
    odd = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB + 4321)
    arguments = {"ChecksumAlgorithm": kind.upper()}
    store.upload_file(str(tmp_path / "small.bin"), bucket, "small.bin", ExtraArgs=arguments, Config=odd)

    outcome = fetcher.run(f"s3://{bucket}", minio.styles()["kfserving"][1])

    outcome.assert_whole({"small.bin": content})
    assert fetcher.verified() == {"small.bin": kind if kind == "crc64nvme" else "twice"}
