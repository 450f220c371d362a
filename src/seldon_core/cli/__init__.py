"""`seldonctl`: what people do with SeldonDeployments from a terminal.

Thin: it parses, calls the other rooms and prints. May import every room.
"""
