"""Small HTTP servers for the tests: one from a function, and a proxy that does to a store what networks do."""

import contextlib
import dataclasses
import http.client
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclasses.dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True)
class Answer:
    """What it gets. `sent` cuts the connection after so many bytes of the body; `hangs` leaves it open there."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sent: int | None = None
    hangs: bool = False


Respond = Callable[[Request], Answer]


@contextlib.contextmanager
def serve(
    respond: Respond, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve on the loopback, or on another address, until the block ends; the server's URL."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = respond(Request(self.command, self.path, dict(self.headers), body))
            if answer.hangs and answer.sent is None:
                over.wait()
                return
            self.send_response(answer.status)
            given = {key.lower() for key in answer.headers}
            for key, value in answer.headers.items():
                self.send_header(key, value)
            if "content-length" not in given:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body if answer.sent is None else answer.body[: answer.sent])
                self.wfile.flush()
            if answer.hangs:
                over.wait()
            if answer.sent is not None:
                self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815  # names of the standard library

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{host}:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def forward(upstream: str) -> Respond:
    """Pass requests on as they are. The Host is the client's: signatures go by it, and links in answers lead here."""
    parts = urlsplit(upstream)

    def respond(request: Request) -> Answer:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
        with contextlib.closing(connection):
            connection.request(request.method, request.path, request.body or None, dict(request.headers))
            answer = connection.getresponse()
            here = f"http://{request.headers.get('Host')}"
            body = answer.read()
            if (answer.getheader("Content-Type") or "").startswith("application/json"):
                body = body.replace(upstream.encode(), here.encode())
            hop = {"transfer-encoding", "connection", "keep-alive"}
            if request.method != "HEAD":
                hop.add("content-length")
            headers = {key: value for key, value in answer.getheaders() if key.lower() not in hop}
            return Answer(answer.status, body, headers)

    return respond


def is_download(request: Request, name: str) -> bool:
    """Whether an object's content is asked for, not a listing, and not its checksums alone."""
    path = request.path.partition("?")[0]
    asks = any(header.lower() == "x-amz-checksum-mode" for header in request.headers)
    return request.method == "GET" and path.endswith(name) and not asks


def faulty(upstream: str, name: str, fault: Callable[[Answer], Answer]) -> Respond:
    """Pass requests on, and do something to the contents of one object."""
    through = forward(upstream)

    def respond(request: Request) -> Answer:
        answer = through(request)
        return fault(answer) if is_download(request, name) and answer.status < 300 else answer

    return respond


def first(count: int, fault: Callable[[Answer], Answer]) -> Callable[[Answer], Answer]:
    """Do something to the first answers, and leave the others as they are."""
    left = iter([fault] * count)

    def one(answer: Answer) -> Answer:
        return next(left, _same)(answer)

    return one


def _same(answer: Answer) -> Answer:
    return answer


def flip(answer: Answer, place: int | None = None) -> Answer:
    """Change one byte (the middle one where none is said), and neither the size nor what headers say."""
    at = len(answer.body) // 2 if place is None else place
    changed = bytes([answer.body[at] ^ 1])
    return dataclasses.replace(answer, body=answer.body[:at] + changed + answer.body[at + 1 :])


def flips(count: int) -> Callable[[Answer], Answer]:
    """Changes a byte in so many answers, each time another one."""
    places = iter(range(1000, 1000 + count))

    def fault(answer: Answer) -> Answer:
        place = next(places, None)
        return answer if place is None else flip(answer, place)

    return fault


def cut(answer: Answer) -> Answer:
    """Break the connection in the middle."""
    return dataclasses.replace(answer, sent=len(answer.body) // 2)


def hang(answer: Answer) -> Answer:
    """Stop in the middle and say nothing more."""
    return dataclasses.replace(answer, sent=len(answer.body) // 2, hangs=True)
