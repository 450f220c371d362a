"""The server around a user's Python class: payloads, endpoints over REST and gRPC, metrics, readiness.

Imports proto, transport and, of the executor, the pod's annotations; the executor will be plugged in here for
predictors of one node.
"""
