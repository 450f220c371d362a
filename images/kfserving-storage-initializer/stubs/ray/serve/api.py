"""Named in annotations and isinstance checks of kfserving's model server."""


class Deployment:
    """A Ray Serve deployment."""


class RayServeHandle:
    """A handle to a Ray Serve deployment."""
