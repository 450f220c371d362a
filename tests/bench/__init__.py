"""Benchmarks. `python -m tests.bench` (`tox -e bench`) holds the data plane against what a user could pick instead.

Every figure of a table is from one run. The data plane's benchmark imports nothing of the product: systems are programs
that are started, asked and stopped (systems.py), so that a peer is measured in the same way as ourselves.
"""
