"""The certificate that the webhook's server shows: changed while it serves, for connections from then on."""

import logging
import os
import ssl

from cryptography import x509

_log = logging.getLogger(__name__)


class ServerCertificate:
    """The server's TLS context and the certificate in it."""

    def __init__(self) -> None:
        self._pem = b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.chain: tuple[x509.Certificate, ...] = ()
        """The server's certificate and those between it and its authority; empty until there is one."""

    def use(self, chain: bytes, key: bytes) -> None:
        """Serve with a certificate from now on.

        Raises:
            ValueError: It is none, or the key is another one's. The former one stays.
        """
        pem = chain + b"\n" + key
        if pem == self._pem:
            return
        parsed = tuple(x509.load_pem_x509_certificates(chain))
        # ssl reads certificates from files alone; this one exists in memory, so no key ever lies on a disk.
        descriptor = os.memfd_create("webhook-certificate")
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(pem)
            self.context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        except ssl.SSLError as error:
            raise ValueError(f"the certificate and its key cannot be used together ({error.reason})") from error
        finally:
            os.close(descriptor)
        self._pem, self.chain = pem, parsed
        _log.info("the webhook serves with a new certificate", extra={"validUntil": parsed[0].not_valid_after_utc})
