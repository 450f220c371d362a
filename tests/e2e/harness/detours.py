"""A program for a pod: ways to a store that are as bad as networks and stores can be, each on a port of its own.

    python3 -m tests.e2e.harness.detours http://STORE:9000 FOLDER

FOLDER has the certificate `public.crt` and its `private.key`. Standard library alone, and the integration tests'
servers: any image with Python runs it.
"""

from __future__ import annotations

import dataclasses
import signal
import ssl
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.integration.storage import web

PORTS = {"hangs": 9001, "redirects": 9002, "leads-out": 9003, "flips": 9004, "tls": 9005}
REFUSES = 9009
"""Nobody listens there."""
FILE, LEADING_OUT = "metadata.yaml", "../metadata.yaml"
"""An object's name in the store, and what one of the ways calls it."""
_ENDS = {signal.SIGTERM, signal.SIGINT}


def main() -> None:
    """Serve until told to end."""
    upstream, folder = sys.argv[1], Path(sys.argv[2])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "public.crt", folder / "private.key")
    # Process 1 of a container has no default handling of signals; threads inherit the mask.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    with ExitStack() as stack:
        for name, respond in ways(upstream).items():
            stack.enter_context(
                web.serve(respond, host="0.0.0.0", port=PORTS[name], tls=tls if name == "tls" else None)  # noqa: S104  # a pod's
            )
        signal.sigwait(_ENDS)


def ways(upstream: str) -> dict[str, web.Respond]:
    """What happens on each way, by its name."""
    through = web.forward(upstream)

    def leads_out(request: web.Request) -> web.Answer:
        answer = through(request)
        return dataclasses.replace(answer, body=answer.body.replace(f"/{FILE}<".encode(), f"/{LEADING_OUT}<".encode()))

    return {
        "tls": through,
        "leads-out": leads_out,
        "flips": web.faulty(upstream, "model.joblib", web.flip),
        "redirects": lambda _: web.Answer(302, headers={"Location": "/elsewhere"}),
        # The last one to listen: the pod is ready then.
        "hangs": lambda _: web.Answer(hangs=True),
    }


if __name__ == "__main__":
    main()
