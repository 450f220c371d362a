"""Takes secret values out of texts that come from elsewhere before they reach a status, an event or a log.

What a container writes is not ours: a client library may well print the URL that it was given, credentials and all.
"""

import re

HIDDEN = "***"

_NAME = r"""[\w.-]*(?:secret(?:_?access)?_?key|access_?key(?:_?id)?|account_?key|password|passwd|pass|token|signature
    |credentials?|api_?key|private_?key)"""
_VALUE = r"""[^\s"'&,;)\]}]*[^\s"'&,;)\]}:.]"""

_PATTERNS = (
    # https://user:password@host
    re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"),
    # password=..., AWS_SECRET_ACCESS_KEY=..., ?sig=..., X-Amz-Signature=...
    re.compile(rf"""(?ix) (?P<name> (?: {_NAME} | [?&;]sig ) ["']? \s* = \s* ["']? ) {_VALUE}"""),
    # "secretAccessKey": "..."
    re.compile(rf"""(?ix) (?P<name> {_NAME} ["'] \s* : \s* ["'] ) [^"']+"""),
    # password: ... alone on its line, or in a flow of pairs; in a sentence a colon is followed by more words
    re.compile(rf"""(?imx) (?P<name> {_NAME} : [ ]? ) {_VALUE} (?= \s*$ | \s*[,}}] )"""),
    re.compile(r"(?i)(?P<name>\bauthorization\s*:\s*)\w+\s+[^\s\"']+"),
    # Access key ids of AWS, and PEM blocks
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)


def redact(text: str) -> str:
    """The text with what looks like a secret value replaced by `***`. Names of keys and hosts stay: they help."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<name>{HIDDEN}" if "name" in pattern.groupindex else HIDDEN, text)
    return text
