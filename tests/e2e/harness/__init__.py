"""What the end-to-end tests stand on: clients, the chart's release, namespaces, waiting, requests, evidence.

It imports nothing of the product but its version: what the product wrote is read with independent clients.
Modules that need no cluster import no client library, so that their unit tests run without one.
"""
