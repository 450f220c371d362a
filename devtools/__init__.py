"""What a developer's machine needs: tools, a Docker daemon, a kind cluster, images; from a registry or from packages.

Standard library only: this runs on a bare machine before anything is installed. It is not part of the
product and imports nothing of it. `python3 -m devtools --help` lists what it does; `scripts/` is what people type.
"""
