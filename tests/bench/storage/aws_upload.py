"""Uploads files as the tools of AWS do: `python aws_upload.py ENDPOINT BUCKET FOLDER ALGORITHM FILE...`.

boto3 of today with its own settings: parts of 8 MiB, each with a checksum. ALGORITHM is CRC32, which it takes by
itself, or CRC64NVME, which the CLI of AWS takes. The keys are in the environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import boto3


def main() -> None:
    """Upload every file."""
    endpoint, bucket, folder, algorithm, *files = sys.argv[1:]
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    if bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket)
    for file in files:
        client.upload_file(file, bucket, f"{folder}/{Path(file).name}", ExtraArgs={"ChecksumAlgorithm": algorithm})


if __name__ == "__main__":
    main()
