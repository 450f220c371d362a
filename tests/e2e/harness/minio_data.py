"""Objects in the cluster's MinIO, put and read from this machine through a port-forward."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from minio import Minio
from minio.deleteobjects import DeleteObject

from .manifests import PASSWORD, USER
from .portforward import port_forward
from .timeouts import Timeouts
from .tools import Tool

NAMESPACE = "minio-system"
SERVICE = "service/minio"
PORT = 9000


@contextmanager
def storage(kubectl: Tool, timeouts: Timeouts) -> Iterator[Minio]:
    """A client of the MinIO in the cluster, which has said that it is ready."""
    with port_forward(kubectl, NAMESPACE, SERVICE, PORT, seconds=timeouts.port_forward) as address:
        requests.get(f"{address}/minio/health/ready", timeout=timeouts.request).raise_for_status()
        yield Minio(address.removeprefix("http://"), access_key=USER, secret_key=PASSWORD, secure=False)


def fill(client: Minio, bucket: str, objects: Mapping[str, bytes]) -> None:
    """Make a bucket, where it is not there, with these objects; a name that ends in "/" is an empty folder's marker."""
    if not client.bucket_exists(bucket):
        client.make_bucket(bucket)
    for name, content in objects.items():
        client.put_object(bucket, name, io.BytesIO(content), len(content))


def read(client: Minio, bucket: str, name: str) -> bytes:
    """The content of an object."""
    answer = client.get_object(bucket, name)
    try:
        content: bytes = answer.read()
        return content
    finally:
        answer.close()
        answer.release_conn()


def open_to_all(client: Minio, bucket: str) -> None:
    """Let everybody list and read a bucket, as public ones are."""
    everybody = {"Effect": "Allow", "Principal": {"AWS": ["*"]}}
    arn = f"arn:aws:s3:::{bucket}"
    listing = everybody | {"Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": [arn]}
    reading = everybody | {"Action": ["s3:GetObject"], "Resource": [f"{arn}/*"]}
    client.set_bucket_policy(bucket, json.dumps({"Version": "2012-10-17", "Statement": [listing, reading]}))


def remove(client: Minio, bucket: str) -> None:
    """Remove a bucket and all that it holds. Raises AssertionError naming what could not be removed."""
    names = [DeleteObject(entry.object_name) for entry in client.list_objects(bucket, recursive=True)]
    problems = [str(problem) for problem in client.remove_objects(bucket, names)]
    assert not problems, f"bucket {bucket} could not be emptied: {problems}"
    client.remove_bucket(bucket)
