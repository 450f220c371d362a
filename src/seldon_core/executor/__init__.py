"""The service orchestrator: takes a prediction, walks the predictor's graph of model servers, gives the answer back.

Imports api (the graph's types), proto and transport.
"""
