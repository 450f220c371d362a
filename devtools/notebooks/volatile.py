"""What of a cell's output changes from run to run, and what stands for it: every rule is listed here.

What no rule names is part of the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from devtools.paths import ROOT

from .source import Cell

# The letters of Kubernetes' generated names have no vowels, so that no words come out.
_GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"


@dataclass(frozen=True)
class Rule:
    """What varies, the pattern that finds it, and the text that stands for it."""

    what: str
    pattern: re.Pattern[str]
    stand_in: str


RULES = (
    Rule("colours of a terminal", re.compile(r"\x1b\[[0-9;]*m"), ""),
    Rule("where the checkout lies", re.compile(re.escape(str(ROOT)) + r"(?=[/\s]|$)"), "."),
    Rule("a home folder", re.compile(r"(?<![\w.])/(?:root|home/[\w.-]+|Users/[\w.-]+)(?=/)"), "~"),
    Rule("the port that the gateway has got here", re.compile(r"http://localhost:\d+"), "http://localhost:8003"),
    Rule("the cluster's name", re.compile(r"\bkind-seldon(?:-\w+)*"), "kind-seldon"),
    Rule("a pod's name", re.compile(rf"-{_GENERATED}{{7,10}}-{_GENERATED}{{5}}\b"), "-<pod>"),
    Rule("a time", re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    Rule("an age or a duration", re.compile(r"(?<=\s)(?:\d+(?:\.\d+)?(?:ms|s|m|h|d)){1,3}(?=\s|$)"), "<duration>"),
    Rule("how many requests ran", re.compile(r"\b[1-9]\d* requests"), "<some> requests"),
    Rule("progress of a roll-out", re.compile(r"^Waiting for deployment .*\n", re.MULTILINE), ""),
    Rule("models that other tests have kept", re.compile(r"^e2e-\S+: (?:paused|resumed)\n", re.MULTILINE), ""),
    Rule("spaces at the end of a line", re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def steady(text: str) -> str:
    """The text with a stand-in for all that the rules name."""
    for rule in RULES:
        text = rule.pattern.sub(rule.stand_in, text)
    return text


def printed(cell: Cell, *, errors: bool = False) -> str:
    """What a cell printed, and the value of its last line, steady; with `errors` also stderr and tracebacks."""
    parts: list[str] = []
    for output in cell.outputs:
        kind = output["output_type"]
        if kind == "stream" and (errors or output["name"] == "stdout"):
            parts.append("".join(output["text"]))
        elif kind in {"execute_result", "display_data"}:
            parts.append("".join(output["data"].get("text/plain", ())) + "\n")
        elif kind == "error" and errors:
            parts.append("\n".join(output["traceback"]) + "\n")
    return steady("".join(parts))
