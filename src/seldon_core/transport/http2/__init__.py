"""HTTP/2 for gRPC, both sides of it, on asyncio's protocols: RFC 9113 and RFC 7541, without what gRPC never uses.

Of our own because of the price: with grpcio's asyncio server a call costs about ten times as much (docs/adr/0005). What
is left out: server push, priorities (read and ignored), the upgrade from HTTP/1.1. Knows nothing of gRPC: the modules
`rpc*` of transport stand on it.
"""
