"""The wire contracts of gRPC: protobuf definitions, and what protoc made of them. Imports nothing of ours.

A room of its own because users' classes import `seldon_core.proto.prediction_pb2`, as they did with v1.17.1, and
because executor and microservice share it. `*_pb2.py` and `*_pb2.pyi` are generated and checked in, so that neither an
image nor a start needs a compiler: `python -m devtools.protos` writes them anew, and a unit test compares them.
"""
