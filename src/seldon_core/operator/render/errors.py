"""The one error of rendering."""


class RenderError(ValueError):
    """A SeldonDeployment that no objects can be made for: one sentence, what is wrong, where, what to do."""
