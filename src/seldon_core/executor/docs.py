"""The documentation paths: an OpenAPI document, and a page that shows it. Source: specification 3 (paths).

The page is written here, and loads nothing: a cluster without a way out shows it, too.
"""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import msgspec
import orjson

from seldon_core.transport.messages import Response

from . import openapi
from .openapi_parts import Json
from .settings import Settings

_HTML = "text/html; charset=utf-8"
_METHODS = ("get", "post")


class Docs:
    """The documents of one executor, made when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kind = _KINDS.get(settings.protocol)
        self._pages: Mapping[str, Response] = {}

    def find(self, path: str) -> Response | None:
        """The answer to a path of the documentation, or None: no such path is known."""
        folder, _, name = path.rpartition("/")
        kind = self._kind
        if kind is None or folder not in kind.folders:
            return None
        if not self._pages:
            document = kind.make(self._settings)
            page = Response(200, shown(document, kind.name), _HTML)
            text = Response(200, orjson.dumps(document), kind.media_type)
            self._pages = {"": page, "index.html": page, kind.name: text}
        return self._pages.get(name, _NOT_FOUND)


class _Kind(msgspec.Struct, frozen=True):
    """A protocol's document: how it is made, and where it lies."""

    make: Callable[[Settings], Json]
    folders: frozenset[str]
    name: str
    media_type: str


_NOT_FOUND = Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
_KINDS = {
    "": _Kind(openapi.seldon, frozenset({"/api/v1.0/doc", "/api/v0.1/doc"}), "seldon.json", "application/json"),
    # JSON is YAML, too: the name is v1.17.1's.
    "v2": _Kind(openapi.v2, frozenset({"/v2/docs"}), "dataplane.yaml", "application/yaml"),
}


def shown(document: Json, link: str) -> bytes:
    """A page with all operations of a document, which lies beside it under the name `link`."""
    rows = [
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td><td>{escape(item[method]['summary'])}</td>"
        f"<td>{escape(_bodies(item[method]))}</td></tr>"
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font-family:sans-serif;margin:2em}td,th{text-align:left;padding:.3em 1em .3em 0}</style>"
        f'<h1>{title}</h1><p>The whole as OpenAPI: <a href="{escape(link)}">{escape(link)}</a></p>'
        "<table><tr><th>Method</th><th>Path</th><th></th><th>Takes, gives</th></tr>"
        f"{''.join(rows)}</table></html>"
    ).encode()


def _bodies(operation: Mapping[str, Any]) -> str:
    """The names of the messages that an operation takes and gives."""
    bodies = [operation.get("requestBody", {}), operation["responses"].get("200", {})]
    kinds = (body.get("content", {}).get("application/json", {}).get("schema", {}) for body in bodies)
    return ", ".join(name for kind in kinds if (name := kind.get("$ref", "").rpartition("/")[2]))
