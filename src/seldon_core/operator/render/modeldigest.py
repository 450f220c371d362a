"""Annotation `seldon.io/model-digest`: the digest that a model must have, checked before a server can see it.

On a predictor, or on the SeldonDeployment for all of them. `sha256:<64 hexadecimal digits>` where there is one model;
where there are several, `NODE=sha256:...`, separated by commas (`explainer` is the explainer's). How a folder's digest
is made says `seldon_core.storage.digests`.
"""

import re
from typing import Final

from seldon_core.api import names
from seldon_core.api.defaulting import units
from seldon_core.api.types import Explainer, PredictiveUnit

from . import annotations
from .errors import RenderError
from .scope import Scope

ANNOTATION: Final = "seldon.io/model-digest"
VARIABLE: Final = "SELDON_MODEL_DIGEST"
_EXPLAINER: Final = "explainer"
_DIGEST: Final = re.compile(r"sha256:[0-9a-fA-F]{64}")


def of(scope: Scope, owner: PredictiveUnit | Explainer) -> str:
    """The digest that the model of a unit or an explainer must have, "" for any. Raises RenderError."""
    text = scope.predictor.annotations.get(ANNOTATION) or annotations.text(scope.sdep, ANNOTATION)
    if not text or not owner.model_uri:
        return ""
    explainer = scope.predictor.explainer
    known = [unit.name for unit in units(scope.predictor.graph) if unit.model_uri]
    known += [_EXPLAINER] if explainer and explainer.model_uri else []
    digests = _parsed(text, known)
    return digests.get(owner.name if isinstance(owner, PredictiveUnit) else _EXPLAINER, "")


def _parsed(text: str, known: list[str]) -> dict[str, str]:
    found = {}
    for part in text.split(","):
        name, given, digest = part.strip().rpartition("=")
        if not _DIGEST.fullmatch(digest):
            raise RenderError(f'{ANNOTATION}: "{digest}" is no digest; write sha256: and 64 hexadecimal digits.')
        if not given and len(known) > 1:
            raise RenderError(f"{ANNOTATION}: say of which model, {names.join(known)}: NODE=sha256:...")
        if given and name not in known:
            raise RenderError(f'{ANNOTATION}: there is no model "{name}"; known are {names.join(known)}.')
        found[name or known[0]] = digest.lower()
    return found
