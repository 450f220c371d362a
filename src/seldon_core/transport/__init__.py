"""HTTP/1.1 and gRPC serving and calling, shared by executor, microservice and webhook. Imports of ours `proto` alone.

HTTP: one server protocol and one pooled client protocol on asyncio and httptools; a web framework and a general client
cost several times what the request itself does. gRPC (the modules `rpc*`, on `http2`): two small classes that carry
bytes. Nothing of grpcio is imported: its asyncio server cost ten times as much a call (docs/adr/0005).
"""
