"""Named in annotations of kfserving's model."""


class ServeRequest:
    """A request through Ray Serve."""
