"""HTTP/1.1 and gRPC serving and calling, shared by executor, microservice and webhook. Imports nothing of ours.

HTTP: one server protocol and one pooled client protocol on asyncio and httptools; a web framework and a general client
cost several times what the request itself does. gRPC (the modules `rpc*`): grpcio behind two small classes that carry
bytes, so that nothing else knows which library it is.
"""

import os

# Before grpc is imported anywhere: its handlers around fork wait for its threads, and users' models may fork, or run
# programs, while calls are being answered. What forks here never goes on using gRPC in the child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # else each connection that ends is a line among our logs
