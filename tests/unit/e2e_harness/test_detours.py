"""The bad ways to a store, on the loopback."""

from __future__ import annotations

import ssl
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.harness import detours
from tests.integration.storage import certificates, web

LISTING = b"<Contents><Key>iris/metadata.yaml</Key></Contents>"
MODEL = web.Request("GET", "/sklearn/iris/model.joblib", {}, b"")
FOLDER = web.Request("GET", "/sklearn?list-type=2", {}, b"")


def store(request: web.Request) -> web.Answer:
    """A store with one folder."""
    return web.Answer(200, b"model" if web.is_download(request, "model.joblib") else LISTING)


def test_each_way_does_its_own_to_the_store() -> None:
    with web.serve(store) as url:
        ways = detours.ways(url)
        assert ways.keys() == detours.PORTS.keys()
        assert ways["tls"](MODEL).body == b"model"
        assert ways["leads-out"](FOLDER).body == LISTING.replace(b"/metadata", b"/../metadata")
        changed = ways["flips"](MODEL).body
        assert (len(changed), changed == b"model") == (5, False)
        assert ways["flips"](FOLDER).body == LISTING
    assert ways["redirects"](MODEL).status == 302
    assert ways["hangs"](MODEL).hangs


@pytest.mark.parametrize("trusted", [True, False])
def test_the_way_with_tls_is_for_those_who_trust_its_authority(tmp_path: Path, *, trusted: bool) -> None:
    authority = certificates.make(tmp_path, ["detours.models.svc.cluster.local"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "public.crt", tmp_path / "private.key")
    client = ssl.create_default_context(cadata=authority) if trusted else ssl.create_default_context()

    with web.serve(store, tls=server) as url:
        asked = HTTPSConnection("127.0.0.1", urlsplit(url).port, context=client, timeout=5)
        if trusted:
            asked.request("GET", "/sklearn/iris/model.joblib")
            assert asked.getresponse().read() == b"model"
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                asked.request("GET", "/")
        asked.close()
