"""The validating webhook: the rules, its server, and its certificates."""
