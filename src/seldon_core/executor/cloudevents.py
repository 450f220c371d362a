"""A logged payload as a CloudEvent 1.0 in HTTP's binary mode, with the attributes that v1.17.1's collectors read.

Source: specification 3 (request logger); CloudEvents 1.0, HTTP protocol binding.
"""

import uuid
import zlib
from datetime import UTC, datetime

import msgspec

from .message import JSON_LENGTH, Message, RawHeaders
from .settings import Settings

REQUEST = "io.seldon.serving.inference.request"
ANSWER = "io.seldon.serving.inference.response"
FEEDBACK = "io.seldon.serving.feedback"
_MAX_UNPACKED = 256 * 1024 * 1024  # bytes: what a small compressed body may grow to before it is given up


class Event(msgspec.Struct, frozen=True):
    """One payload to be logged. `kind` is REQUEST, ANSWER or FEEDBACK; `time` in seconds since 1970."""

    kind: str
    url: str
    unit: str
    puid: str
    message: Message
    time: float


class Source(msgspec.Struct, frozen=True):
    """What all events of one executor say of it."""

    uri: str
    deployment: str
    namespace: str
    predictor: str
    protocol: str

    @classmethod
    def of(cls, settings: Settings) -> "Source":
        """This executor."""
        scheme = "https" if settings.cert_folder else "http"
        uri = f"{scheme}://{settings.hostname}:{settings.http_port}/"
        return cls(uri, settings.deployment, settings.namespace, settings.predictor, settings.protocol_name)

    def headers(self, event: Event, credentials: str) -> RawHeaders:
        """The header fields of an event's POST."""
        fields = [
            ("Ce-Id", str(uuid.uuid4())),
            ("Ce-Specversion", "1.0"),
            ("Ce-Type", event.kind),
            ("Ce-Source", self.uri),
            ("Ce-Time", datetime.fromtimestamp(event.time, UTC).isoformat(timespec="microseconds")[:-6] + "Z"),
            ("Ce-Modelid", event.unit),
            ("Ce-Requestid", event.puid),
            ("Ce-Inferenceservicename", self.deployment),
            ("Ce-Namespace", self.namespace),
            ("Ce-Endpoint", self.predictor),
            ("Ce-Protocol", self.protocol),
            ("Content-Type", event.message.content_type),
        ]
        if event.message.json_length:
            fields.append((JSON_LENGTH, event.message.json_length))
        if credentials:
            fields.append(("Authorization", credentials))
        return tuple([(name.encode(), value.encode("latin-1", "replace")) for name, value in fields])


def unpacked(message: Message) -> bytes:
    """The payload without gzip: collectors of v1.17.1 know no content encoding. Raises ValueError."""
    encoding = message.content_encoding.strip().lower()
    if encoding in {"", "identity"}:
        return message.body
    if encoding not in {"gzip", "x-gzip"}:
        raise ValueError(f"the payload is encoded as {encoding}, which the request logger does not unpack")
    reader = zlib.decompressobj(wbits=31)
    try:
        body = reader.decompress(message.body, _MAX_UNPACKED)
    except zlib.error as error:
        raise ValueError("the payload says that it is gzip, and is not") from error
    if not reader.eof:
        raise ValueError(f"the gzip payload is cut off, or larger than {_MAX_UNPACKED} bytes")
    return body
