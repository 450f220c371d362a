"""The release validation pipeline: what it takes to know whether a chart is safe to ship (`scripts/release-validate`).

It drives the product from outside, by helm, kubectl and requests, as a release manager would; nothing of
`seldon_core` is imported but its version.
"""
