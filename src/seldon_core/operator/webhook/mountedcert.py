"""The webhook's certificate where cert-manager makes it: read from the mounted Secret, and again when it is renewed.

Nothing is written here: cert-manager renews the Secret, and writes the authority into the webhook's configuration.
Source: value `certManager.enabled` of v1.17.1's chart (specification 5).
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from seldon_core.kube import Client, Timings

from . import certificates
from .servercert import ServerCertificate
from .trust import bundle_of, configuration_informer

_log = logging.getLogger(__name__)

READ_SECONDS = 10.0
"""How often the files are read. The node itself takes a minute or so to bring a renewed Secret there."""


class MountedCertificate:
    """The webhook's certificate, in files of somebody else's.

    Args:
        client: The API server.
        folder: Holds tls.crt and tls.key.
        configuration: The ValidatingWebhookConfiguration; empty where there is none.
        now: The time.
        timings: Of the configuration's informer.
    """

    def __init__(
        self,
        client: Client,
        folder: Path,
        *,
        configuration: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timings: Timings | None = None,
    ) -> None:
        self._folder = folder
        self._configuration = configuration
        self._now = now
        self._server = ServerCertificate()
        self._refused = ""
        self.informer = configuration_informer(client, configuration, timings)

    @property
    def context(self) -> ssl.SSLContext:
        """What the webhook's server serves with."""
        return self._server.context

    @property
    def problem(self) -> str:
        """What is missing before the API server can call the webhook; empty where nothing is."""
        if not self._server.chain:
            return self._refused or f"there is no certificate in {self._folder} yet: cert-manager has to make it"
        until = self._server.chain[0].not_valid_after_utc
        if until <= self._now():
            return f"the certificate in {self._folder} was valid until {until:%Y-%m-%d %H:%M} UTC: see its Certificate"
        if self._configuration and not self._is_trusted():
            return (
                f"ValidatingWebhookConfiguration {self._configuration} does not have the certificate's authority yet: "
                "cert-manager's cainjector has to write it"
            )
        return ""

    async def run(self) -> None:
        """Read the files again and again until cancelled."""
        while True:
            self.read()
            await asyncio.sleep(READ_SECONDS)

    def read(self) -> None:
        """Serve with what is in the files now; what cannot be used changes nothing."""
        try:
            # The node exchanges all files at once, by a link to another folder: both are read from one of them.
            folder = (self._folder / "tls.crt").resolve().parent
            self._server.use((folder / "tls.crt").read_bytes(), (folder / "tls.key").read_bytes())
        except (OSError, ValueError) as error:
            refused = f"the certificate in {self._folder} cannot be used: {error}"
            if refused != self._refused:
                _log.warning("%s", refused)
            self._refused = refused
        else:
            self._refused = ""

    def _is_trusted(self) -> bool:
        authorities = certificates.parse_bundle(bundle_of(self.informer.store.get(self._configuration)))
        return any(
            each == authority or certificates.is_signed_by(each, authority)
            for each in self._server.chain
            for authority in authorities
        )
