"""What people edit in `seldon-config`, kept apart from what the chart says there: a merge of three, and nothing else.

The ConfigMap holds the chart's entries, so that people see what there is and can change it. A later chart, or other
values, say something new of some entries. Three texts decide, entry for entry: what the chart said when it was last
written (the base), what is there now, and what the chart says today. Whoever differs from the base has changed it;
where both have, the edit stays. See docs/adr/0004-seldon-config.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from seldon_core.api.values import Values

Json = Any
Path = tuple[str, ...]

_MISSING: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class Merged:
    """One key of the ConfigMap, merged.

    Attributes:
        data: What belongs there now.
        kept: Paths of the entries that stay as they were edited although the chart says something else.
    """

    data: Json
    kept: tuple[str, ...]


def of_chart(values: Values) -> dict[str, Json]:
    """What the chart says: the ConfigMap's keys with their entries, in v1.17.1's shape."""
    initializer = values.storage_initializer
    return {
        "credentials": msgspec.to_builtins(values.credentials),
        "explainer": msgspec.to_builtins(values.explainer),
        "predictor_servers": values.predictor_servers,
        "storageInitializer": {
            "cpuLimit": initializer.cpu_limit,
            "cpuRequest": initializer.cpu_request,
            "image": initializer.image,
            "memoryLimit": initializer.memory_limit,
            "memoryRequest": initializer.memory_request,
        },
    }


def merged(key: str, base: Json, live: Json, chart: Json) -> Merged:
    """Merge one key of the ConfigMap."""
    kept: list[str] = []
    return Merged(_merge((key,), base, live, chart, kept), tuple(kept))


def _merge(path: Path, base: Json, live: Json, chart: Json, kept: list[str]) -> Json:
    if live == chart:
        return live
    if isinstance(live, Mapping) and isinstance(chart, Mapping) and not _is_whole(path):
        found = {
            name: _merge((*path, name), _part(base, name), _part(live, name), _part(chart, name), kept)
            for name in _names(live, chart)
        }
        return {name: value for name, value in found.items() if value is not _MISSING}
    if live == base:
        return chart
    if chart not in (base, _MISSING):
        kept.append(".".join(path))
    return live


def _is_whole(path: Path) -> bool:
    """An image and its version belong together: half of an edit with half of a chart would name no image there is."""
    return len(path) == 4 and path[0] == "predictor_servers" and path[2] == "protocols"


def _part(node: Json, name: str) -> Json:
    return node.get(name, _MISSING) if isinstance(node, Mapping) else _MISSING


def _names(live: Mapping[str, Any], chart: Mapping[str, Any]) -> Iterator[str]:
    yield from live
    yield from (name for name in chart if name not in live)


def _row(**protocols: tuple[str, str]) -> Json:
    return {
        "protocols": {
            name: {"image": image, "defaultImageVersion": version} for name, (image, version) in protocols.items()
        }
    }


RELEASED: Final[Mapping[str, Json]] = {
    "credentials": {
        "gcs": {"gcsCredentialFileName": "gcloud-application-credentials.json"},
        "s3": {"s3AccessKeyIDName": "awsAccessKeyID", "s3SecretAccessKeyName": "awsSecretAccessKey"},
    },
    "explainer": {"image": "seldonio/alibiexplainer:1.17.1", "image_v2": "seldonio/mlserver:1.3.5-alibi-explain"},
    "predictor_servers": {
        "HUGGINGFACE_SERVER": _row(v2=("seldonio/mlserver", "1.3.5-huggingface")),
        "MLFLOW_SERVER": _row(seldon=("seldonio/mlflowserver", "1.17.1"), v2=("seldonio/mlserver", "1.3.5-mlflow")),
        "SKLEARN_SERVER": _row(seldon=("seldonio/sklearnserver", "1.17.1"), v2=("seldonio/mlserver", "1.3.5-sklearn")),
        "TEMPO_SERVER": _row(v2=("seldonio/mlserver", "1.3.5-slim")),
        "TENSORFLOW_SERVER": _row(
            seldon=("seldonio/tfserving-proxy", "1.17.1"), tensorflow=("tensorflow/serving", "2.1.0")
        ),
        "TRITON_SERVER": _row(v2=("nvcr.io/nvidia/tritonserver", "21.08-py3")),
        "XGBOOST_SERVER": _row(seldon=("seldonio/xgboostserver", "1.17.1"), v2=("seldonio/mlserver", "1.3.5-xgboost")),
    },
    "storageInitializer": {
        "cpuLimit": "1",
        "cpuRequest": "100m",
        "image": "seldonio/rclone-storage-initializer:1.17.1",
        "memoryLimit": "1Gi",
        "memoryRequest": "100Mi",
    },
}
"""The base of a ConfigMap that no controller of ours has written yet: the entries of Seldon Core 1.17.1's chart. What
differs from them was edited, or is of an older release; either way it stays."""
