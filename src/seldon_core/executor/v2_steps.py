"""How a router and a combiner are asked in the Open Inference Protocol over gRPC, which knows predictions alone.

Each is asked by ModelInfer; parameters, which the protocol leaves to implementations, say what is wanted. Over REST
they have paths of their own, as in v1.17.1, which serves neither over gRPC.
"""

STEP = "seldon_step"
"""A request's parameter, a string: ROUTE or AGGREGATE."""
ROUTE = "route"
"""The answer's first output holds the number of the chosen child."""
AGGREGATE = "aggregate"
"""The inputs are the outputs of all answers, one answer behind the other."""
CHILD = "seldon_child"
"""An input's parameter, a whole number: which of the answers it is from, counted from 0."""
