"""The server around a user's Python class: payloads, endpoints over REST and gRPC, metrics, readiness.

Imports proto, transport and the executor, which is plugged in here (embedded.py) for predictors of one node.
"""
