"""A URL that opens one object of an S3 store for a while. Source: AWS, "Signature Version 4", query parameters."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from urllib.parse import quote, urlencode, urlsplit

_REGION = "us-east-1"
_SECONDS = 24 * 3600


def presigned(endpoint: str, key: str, secret: str, path: str) -> str:
    """Return the URL of `bucket/object` for GET."""
    now = dt.datetime.now(dt.UTC)
    date, time = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{date}/{_REGION}/s3/aws4_request"
    query = urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{key}/{scope}",
            "X-Amz-Date": time,
            "X-Amz-Expires": str(_SECONDS),
            "X-Amz-SignedHeaders": "host",
        }
    )
    place = f"/{quote(path)}"
    request = "\n".join(["GET", place, query, f"host:{urlsplit(endpoint).netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(request.encode()).hexdigest()])
    digest = f"AWS4{secret}".encode()
    for word in (date, _REGION, "s3", "aws4_request", text):
        digest = hmac.new(digest, word.encode(), hashlib.sha256).digest()
    return f"{endpoint}{place}?{query}&X-Amz-Signature={digest.hex()}"
