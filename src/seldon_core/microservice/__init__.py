"""The server around a user's Python class: payloads, endpoints, metrics, readiness.

Imports transport; the executor will be plugged in here for predictors of one node.
"""
