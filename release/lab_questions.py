"""Questions to a cluster: what it answers with no becomes a finding, in the words of the assertion that failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.harness.waiting import HopelessError

from .asking import Answer, Questions
from .outcome import Outcome, Series

ANSWERED_NO = (AssertionError, HopelessError)
"""What the harness raises where the cluster is not as it should be: late, refused, wrong."""


class GivenUpError(Exception):
    """A question was answered with no that all later ones stand on."""


class ClusterQuestions(Questions):
    """Questions that raise AssertionError where the answer is no, and what the report tells beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: dict[str, float | str] = {}
        self.series: list[Series] = []
        self.files: list[str] = []

    @contextmanager
    def expect(self, name: str, *, where: str, hint: str = "", needed: bool = False) -> Iterator[Answer]:
        """A question: the block raises AssertionError, or HopelessError, where the answer is no.

        Args:
            name: The question, as the report shows it.
            where: What a failure is about: an object, a file, a value.
            hint: What to do about a failure.
            needed: Whether a no ends the stage, because nothing later could be asked.
        """
        with self.ask(name) as answer:
            try:
                yield answer
            except ANSWERED_NO as no:
                answer.blocker(where, words_of(no), hint)
        if needed and not self.checks[-1].passed:
            raise GivenUpError(name)

    def outcome(self) -> Outcome:
        """What the stage leaves."""
        return Outcome(self.checks, dict(self.figures), tuple(self.series), tuple(self.files))


def words_of(no: BaseException) -> str:
    """What an answer says, with what was added to it on its way."""
    return "\n".join([str(no), *getattr(no, "__notes__", ())])
