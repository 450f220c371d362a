"""The tutorials in `notebooks/`: how they are stored, what their answers must be, and their rendered copies in docs.

Standard library only, as all of devtools: a notebook is JSON. Running them is the business of `tests/notebooks`.
"""
