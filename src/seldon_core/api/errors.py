"""What is wrong with a field of a SeldonDeployment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One broken rule: where, the value that breaks it, and what is wrong."""

    path: str
    value: str
    message: str

    def __str__(self) -> str:
        return f'{self.path}: Invalid value: "{self.value}": {self.message}'
