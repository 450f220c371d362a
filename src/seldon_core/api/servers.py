"""Prepackaged servers: the rows of `predictor_servers` that an implementation's name stands for.

A row names an image for each protocol. People add rows of their own to the ConfigMap `seldon-config`. Source:
specification 1.3.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_ALIASES: Final = {"": "seldon", "kfserving": "v2"}
_OTHER_NAME: Final = {"v2": "kfserving", "kfserving": "v2"}


class ServersError(ValueError):
    """A row of `predictor_servers` cannot be read. Its text says which, and what it should look like."""


class ServerImage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The image that serves one protocol.

    `embedded` is true only for images that answer the external API themselves and whose HTTP health paths are known.
    """

    image: str
    default_image_version: str = ""
    embedded: bool = False

    @property
    def reference(self) -> str:
        """The image with its version, as a container names it."""
        return f"{self.image}:{self.default_image_version}" if self.default_image_version else self.image


class PredictorServer(msgspec.Struct, frozen=True, kw_only=True):
    """One row: images by protocol. Keys of releases before 1.5 (`rest`, `grpc`) are read over."""

    protocols: dict[str, ServerImage] = {}

    def image(self, protocol: str) -> ServerImage | None:
        """The image for a protocol; "" means seldon, and v2 and kfserving stand for one another."""
        wanted = _ALIASES.get(protocol, protocol)
        return self.protocols.get(wanted) or self.protocols.get(_OTHER_NAME.get(wanted, wanted))


def parse_servers(rows: Mapping[str, Any]) -> dict[str, PredictorServer]:
    """Rows of `predictor_servers` by implementation. Raises ServersError."""
    try:
        return msgspec.convert(dict(rows), dict[str, PredictorServer])
    except msgspec.ValidationError as error:
        raise ServersError(
            f"predictor_servers cannot be read: {error}; a row looks like "
            '{"MY_SERVER": {"protocols": {"seldon": {"image": "repository/name", "defaultImageVersion": "1.0"}}}}'
        ) from error
