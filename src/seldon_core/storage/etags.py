"""ETags of objects that were uploaded in parts, and what they say of a file.

S3 has the MD5 of what came in one piece. Of what came in parts it has the MD5 of the parts' MD5 with their number
behind it, and says nowhere in a listing how large a part was. So the usual sizes are tried: an ETag that is met proves
every byte, one that is not met proves nothing, since the parts may have been of another size.

rclone asks for these objects' heads while it lists (it looks for a note of its own there) and keeps the ETag to itself.
Its log tells it (see `heads`), without one more request.
"""

import re

ETAG = "etag"
_MIB = 1024 * 1024
_TAG = re.compile(r'(?mi)^etag: "?([0-9a-f]{32}-[1-9][0-9]{0,4})"?\r?$')
# With keys of one's own, or of a key service, an ETag is no MD5.
_OTHER_KIND = re.compile(r"(?mi)^x-amz-server-side-encryption(-customer-algorithm: |: aws:kms)")
_MOST_CANDIDATES = 6
# What tools upload in: boto3, the AWS tools and their SDKs; rclone; minio and mc; s5cmd; Hadoop; large ones of all.
_USUAL = tuple(mib * _MIB for mib in (8, 5, 16, 50, 64, 10, 15, 20, 25, 32, 100, 128, 256, 512, 1024))


def pick(head: str) -> str | None:
    """Return the ETag of parts that an answer's head shows, None where it shows none."""
    tag = _TAG.search(head)
    return tag.group(1).lower() if tag and not _OTHER_KIND.search(head) else None


def part_sizes(size: int, parts: int) -> tuple[int, ...]:
    """Return sizes of parts that a file may have been uploaded in, the likeliest first; all but the last are alike."""
    if parts == 1:
        return (size,)
    smallest = -(-size // parts)
    largest = (size - 1) // (parts - 1)
    fitting = [each for each in _USUAL if smallest <= each <= largest]
    first = -(-smallest // _MIB) * _MIB
    fitting += [each for each in range(first, largest + 1, _MIB)[:_MOST_CANDIDATES] if each not in fitting]
    if smallest not in fitting:
        fitting.append(smallest)  # in equal pieces
    return tuple(fitting[:_MOST_CANDIDATES]) if smallest <= largest else ()
