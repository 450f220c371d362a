"""The API: what a SeldonDeployment and the chart's values are, their defaults, their rules and the CRD's schema.

Pure: no input or output, no clock. Imports nothing of the other rooms.
"""
