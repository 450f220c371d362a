"""A small API server: real HTTP on loopback, so that client, informer and controller run over real sockets.

It keeps objects and an event log, watches from a version, answers 404, 409 and 410 where the real one does, applies
server-side by the simple rules of fake_fields.py, and does what a test tells it to: fail a call, freeze or cut the
watches, forget old versions.
"""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.unit.kube import fake_fields

Object = dict[str, Any]
Answer = tuple[int, Object]
PATIENCE_SECONDS = 10.0
"""Longest wait for anything in these tests; none needs more than a fraction of it."""
REASONS = {404: "NotFound", 409: "Conflict", 410: "Expired", 403: "Forbidden", 422: "Invalid", 400: "BadRequest"}


@dataclass
class Call:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Object | None

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"


def failure(status: int, message: str, reason: str = "") -> Answer:
    """A `Status` object."""
    reason = reason or REASONS.get(status, "InternalError")
    return status, {"kind": "Status", "apiVersion": "v1", "code": status, "reason": reason, "message": message}


@dataclass
class Path:
    """A path taken apart."""

    collection: str
    namespace: str
    name: str
    subresource: str

    @classmethod
    def of(cls, path: str) -> "Path":
        parts = path.strip("/").split("/")
        head, rest = (parts[:2], parts[2:]) if parts[0] == "api" else (parts[:3], parts[3:])
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        return cls("/".join([*head, rest[0]]), namespace, rest[1] if len(rest) > 1 else "", "/".join(rest[2:]))


def _matches(obj: Object, query: dict[str, str]) -> bool:
    labels = obj["metadata"].get("labels", {})
    for term in filter(None, query.get("labelSelector", "").split(",")):
        key, equals, value = term.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        path, _, value = term.partition("=")
        found: Any = obj
        for part in path.split("."):
            found = found.get(part, {})
        if found != value:
            return False
    return True


@dataclass
class FakeApi:
    """The server's state and its levers."""

    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    log: list[tuple[int, str, str, Object]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faults: list[Callable[[Call], Answer | None]] = field(default_factory=list)
    logs: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    admit: Callable[[Object], Object] = lambda obj: obj
    """Defaulting, as the real server does it before it stores."""
    frozen: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        self._version = itertools.count(1000)
        self.version = 999
        self.oldest = 0
        self._changed = asyncio.Condition()
        self._writers: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._uid = itertools.count(1)

    # --- what tests use -------------------------------------------------------------------------------------------

    def writes(self) -> list[Call]:
        """Calls that would change something."""
        return [c for c in self.calls if c.is_write]

    def find(self, collection: str, namespace: str, name: str) -> Object | None:
        """An object as it is stored."""
        return self.objects.get((collection, namespace, name))

    async def put(self, collection: str, obj: Object) -> Object:
        """Store an object as some other client would; uid and version are given here."""
        key = (collection, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        stored = copy.deepcopy(obj)
        old = self.objects.get(key)
        stored["metadata"].setdefault("uid", old["metadata"]["uid"] if old else f"uid-{next(self._uid)}")
        stored["metadata"].setdefault("generation", 1)
        return await self._store(key, stored)

    async def change(self, collection: str, namespace: str, name: str, edit: Callable[[Object], None]) -> Object:
        """Edit a stored object in place."""
        changed = copy.deepcopy(self.objects[collection, namespace, name])
        edit(changed)
        return await self._store((collection, namespace, name), changed)

    async def drop(self, collection: str, namespace: str, name: str) -> None:
        """Delete an object as some other client would."""
        await self._remove((collection, namespace, name))

    async def compact(self) -> None:
        """Forget all versions before the present one."""
        self.oldest = self.version

    async def cut_watches(self) -> None:
        """Break every connection."""
        for writer, task in list(self._writers.items()):
            writer.transport.abort()
            task.cancel()

    async def freeze(self, *, frozen: bool) -> None:
        """Let watches stay open and say nothing, or speak again."""
        self.frozen = frozen
        async with self._changed:
            self._changed.notify_all()

    async def called(self, condition: Callable[[list[Call]], bool]) -> None:
        """Wait until the calls so far fulfil a condition."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: condition(self.calls))

    async def watched(self) -> None:
        """Wait until a watch was begun."""
        await self.called(lambda calls: any(c.is_watch for c in calls))

    async def reaches(self, condition: Callable[[], bool]) -> None:
        """Wait until the stored objects fulfil a condition."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    # --- storage --------------------------------------------------------------------------------------------------

    async def _store(self, key: tuple[str, str, str], obj: Object) -> Object:
        old = self.objects.get(key)
        self.version = next(self._version)
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.objects[key] = obj
        self.log.append((self.version, key[0], "MODIFIED" if old else "ADDED", copy.deepcopy(obj)))
        async with self._changed:
            self._changed.notify_all()
        return copy.deepcopy(obj)

    async def _remove(self, key: tuple[str, str, str]) -> None:
        obj = copy.deepcopy(self.objects.pop(key))
        self.version = next(self._version)
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.log.append((self.version, key[0], "DELETED", obj))
        async with self._changed:
            self._changed.notify_all()

    # --- verbs ----------------------------------------------------------------------------------------------------

    async def _answer(self, call: Call, content_type: str) -> tuple[int, Any]:  # noqa: PLR0911 - a table of verbs
        for fault in self.faults:
            answer = fault(call)
            if answer is not None:
                return answer
        path = Path.of(call.path)
        key = (path.collection, path.namespace, path.name)
        if call.method == "GET":
            if path.subresource == "log":
                text = self.logs.get((path.name, call.query["container"], call.query.get("previous") == "true"))
                return (200, text) if text is not None else failure(400, "container is waiting to start")
            return self._get(key) if path.name else self._list(path, call.query)
        if call.method == "POST":
            return await self._create(path, call.body or {}, call.query.get("fieldManager", "unknown"))
        if call.method == "PUT":
            return await self._replace(key, call.body or {}, call.query.get("fieldManager", "unknown"))
        if call.method == "DELETE":
            return await self._delete(key, call.body or {})
        return await self._patch(key, path, call, content_type)

    def _get(self, key: tuple[str, str, str]) -> Answer:
        obj = self.objects.get(key)
        return (200, obj) if obj else failure(404, f'{key[0].rsplit("/", 1)[1]} "{key[2]}" not found')

    def _list(self, path: Path, query: dict[str, str]) -> Answer:
        found = [o for k, o in sorted(self.objects.items()) if k[0] == path.collection and path.namespace in {"", k[1]}]
        found = [o for o in found if _matches(o, query)]
        start, limit = int(query.get("continue", "0")), int(query.get("limit", "0")) or len(found)
        metadata = {"resourceVersion": str(self.version)}
        if start + limit < len(found):
            metadata["continue"] = str(start + limit)
        items = [{k: v for k, v in o.items() if k not in {"kind", "apiVersion"}} for o in found[start : start + limit]]
        return 200, {"kind": "List", "metadata": metadata, "items": items}

    async def _replace(self, key: tuple[str, str, str], body: Object, manager: str) -> Answer:
        live = self.objects.get(key)
        if live is None:
            return self._get(key)
        if body["metadata"].get("resourceVersion") != live["metadata"]["resourceVersion"]:
            return failure(409, "the object has been modified; please apply your changes to the latest version")
        result = fake_fields.update(live, self.admit(copy.deepcopy(body)), manager)
        result["status"] = live.get("status", {})
        if {**live, "metadata": {}} == {**result, "metadata": {}} and _plain(live) == _plain(result):
            return 200, live
        result["metadata"]["generation"] += int(result.get("spec") != live.get("spec"))
        return 200, await self._store(key, result)

    async def _create(self, path: Path, body: Object, manager: str) -> Answer:
        name = body["metadata"].get("name") or body["metadata"]["generateName"] + str(next(self._uid))
        key = (path.collection, path.namespace, name)
        if key in self.objects:
            return failure(409, f'"{name}" already exists', "AlreadyExists")
        obj = fake_fields.update({}, self.admit(copy.deepcopy(body)), manager)
        obj["metadata"] |= {"name": name, "uid": f"uid-{next(self._uid)}", "generation": 1}
        return 201, await self._store(key, obj)

    async def _delete(self, key: tuple[str, str, str], options: Object) -> Answer:
        obj = self.objects.get(key)
        if obj is None:
            return self._get(key)
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != obj["metadata"]["uid"]:
            return failure(409, "the UID in the precondition does not match")
        if options.get("propagationPolicy") == "Orphan":
            await self._orphan(obj["metadata"]["uid"])
        await self._remove(key)
        return 200, {"kind": "Status", "status": "Success"}

    async def _orphan(self, uid: str) -> None:
        for key, obj in list(self.objects.items()):
            owners = obj["metadata"].get("ownerReferences", [])
            if any(o["uid"] == uid for o in owners):
                changed = copy.deepcopy(obj)
                changed["metadata"]["ownerReferences"] = [o for o in owners if o["uid"] != uid]
                await self._store(key, changed)

    async def _patch(  # noqa: PLR0911, C901 - a table of refusals
        self, key: tuple[str, str, str], path: Path, call: Call, content_type: str
    ) -> Answer:
        body, live = call.body or {}, self.objects.get(key)
        metadata = body.get("metadata") or {} if isinstance(body, dict) else {}
        if live is not None and metadata.get("uid") not in {None, live["metadata"]["uid"]}:
            return failure(409, "Precondition failed: UID in precondition does not match")
        if live is not None and metadata.get("resourceVersion") not in {None, live["metadata"]["resourceVersion"]}:
            return failure(409, "the object has been modified; please apply your changes to the latest version")
        if "apply-patch" in content_type:
            if fake_fields.has_duplicates(body):
                return failure(500, "failed to create typed patch object: duplicate entries for key", "InternalError")
            if live is None and metadata.get("uid"):
                return failure(409, "uid mismatch: the object does not exist")
            base = live or {
                "apiVersion": body["apiVersion"],
                "kind": body["kind"],
                "metadata": {"name": path.name, "namespace": path.namespace, "uid": f"uid-{next(self._uid)}"},
            }
            result = fake_fields.apply(base, body, call.query["fieldManager"], path.subresource)
        elif live is None:
            return self._get(key)
        elif "json-patch" in content_type:
            patched = _patch_places(live, call.body)
            if patched is None:
                return failure(422, "the server rejected our request due to an error in our request")
            result = fake_fields.update(live, patched, call.query.get("fieldManager", "unknown"))
        else:
            result = _merge_patch(live, {"status": body["status"]} if path.subresource == "status" else body)
            if not path.subresource:
                result = fake_fields.update(live, result, call.query.get("fieldManager", "unknown"))
        result = self.admit(result)
        if live == result:
            return 200, live
        changed = live is None or result.get("spec") != live.get("spec")
        result["metadata"]["generation"] = (result["metadata"].get("generation") or 0) + int(changed)
        return 200, await self._store(key, result)

    # --- the wire -------------------------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._writers[writer] = task
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) is not None:
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = first.split(" ")
                url = urlsplit(target)
                call = Call(method, url.path, dict(parse_qsl(url.query)), json.loads(body) if body else None)
                self.calls.append(call)
                async with self._changed:
                    self._changed.notify_all()
                status, answer = await self._answer(call, headers.get("content-type", ""))
                if call.is_watch and status == 200:
                    await self._watch(call, writer)
                    continue
                content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                kind = "text/plain" if isinstance(answer, str) else "application/json"
                head_lines = (
                    f"HTTP/1.1 {status} X",
                    f"Content-Type: {kind}",
                    f"Content-Length: {len(content)}",
                    "",
                    "",
                )
                writer.write("\r\n".join(head_lines).encode())
                writer.write(content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client or the test has ended the connection
        finally:
            self._writers.pop(writer, None)
            writer.close()

    def _former(self, version: int, collection: str, obj: Object) -> list[Object]:
        """The state of an object before a version, if there was one."""
        uid = obj["metadata"].get("uid")
        earlier = [o for v, c, _, o in self.log if v < version and c == collection and o["metadata"].get("uid") == uid]
        return earlier[-1:]

    async def _watch(self, call: Call, writer: asyncio.StreamWriter) -> None:
        path, seen = Path.of(call.path), int(call.query["resourceVersion"])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if seen < self.oldest:
            _, gone = failure(410, "too old resource version")
            _send(writer, {"type": "ERROR", "object": gone})
            writer.write(b"0\r\n\r\n")
            return
        while not writer.is_closing():
            if not self.frozen:
                for version, collection, kind, obj in list(self.log):
                    here = path.namespace in {"", obj["metadata"].get("namespace", "")}
                    if version <= seen or collection != path.collection or not here:
                        continue
                    if _matches(obj, call.query):
                        _send(writer, {"type": kind, "object": obj})
                    elif any(_matches(former, call.query) for former in self._former(version, collection, obj)):
                        # What a selector does not choose any more is gone for who watches with it.
                        _send(writer, {"type": "DELETED", "object": obj})
                if self.version > seen:
                    seen = self.version
                    # The real server sends these about once a minute; here they tell at once that all was told.
                    _send(writer, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(seen)}}})
                await writer.drain()
            async with self._changed:
                while self.frozen or self.version <= seen:
                    await self._changed.wait()


def _plain(obj: Object) -> Object:
    return {k: obj["metadata"].get(k) for k in ("labels", "annotations", "ownerReferences")}


def _send(writer: asyncio.StreamWriter, event: Object) -> None:
    line = json.dumps(event).encode() + b"\n"
    writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")


def _merge_patch(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_patch(result.get(key), value)
    return result


def _patch_places(target: Object, steps: Any) -> Object | None:
    """JSON patch with `test`, `add` and `remove` of members of maps; None where a step does not hold."""
    result = copy.deepcopy(target)
    for step in steps:
        *parts, last = step["path"].removeprefix("/").split("/")
        place: Any = result
        try:
            for part in parts:
                place = place[int(part)] if isinstance(place, list) else place[part]
            if step["op"] == "test" and place[last] != step["value"]:
                return None
            if step["op"] == "remove":
                del place[last]
        except (LookupError, TypeError):
            return None
        if step["op"] == "add":
            place[last] = copy.deepcopy(step["value"])
    return result


@asynccontextmanager
async def fake_api(**settings: Any) -> AsyncIterator[FakeApi]:
    """A running server; ended with the block."""
    api = FakeApi(**settings)
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0, limit=2**20)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield api
    finally:
        server.close()
        await api.cut_watches()
        await server.wait_closed()
