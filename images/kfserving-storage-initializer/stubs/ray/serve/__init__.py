"""Ray Serve, by name only."""
