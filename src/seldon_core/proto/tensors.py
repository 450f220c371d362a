"""TensorFlow's tensor message: its own where TensorFlow is installed, ours elsewhere.

Both have the same full names, and protobuf refuses a second definition of a name in one process: a user's class that
imports TensorFlow must find its own, and may put what it makes of it into a SeldonMessage.
"""

from importlib.util import find_spec

if find_spec("tensorflow") is not None:
    from tensorflow.core.framework import tensor_pb2
else:
    from seldon_core.proto.tensorflow.core.framework import tensor_pb2

__all__ = ["tensor_pb2"]
