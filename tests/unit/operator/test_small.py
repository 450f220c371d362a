"""The small pure parts: quantities, defaults, redaction, settings, logs, metrics, ownership, readiness."""

import io
import json
import logging
from typing import Any

import pytest

from seldon_core.api.quantity import amount, same_amount
from seldon_core.operator import log
from seldon_core.operator.config import settings
from seldon_core.operator.metrics import Metrics
from seldon_core.operator.objects.defaults import is_default
from seldon_core.operator.objects.ownership import Owner, owner_of, owner_reference
from seldon_core.operator.report.readiness import rollout
from seldon_core.operator.report.redact import redact


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", 1, True),
        ("1000m", "1", True),
        ("0.5Gi", "512Mi", True),
        ("1e3", "1k", True),
        ("1E", "1e18", True),
        ("100m", "0.1", True),
        (0.5, "500m", True),
        ("1Gi", "1G", False),
        ("1", "2", False),
        ("one", "one", False),
        (True, 1, False),
    ],
)
def test_quantities(one: object, other: object, *, same: bool) -> None:
    assert same_amount(one, other) is same


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1KiB", None, []])
def test_no_quantities(text: object) -> None:
    assert amount(text) is None


@pytest.mark.parametrize(
    ("image", "policy", "expected"),
    [
        ("a:1", "IfNotPresent", True),
        ("a", "Always", True),
        ("a:latest", "Always", True),
        ("host:5000/a", "Always", True),
        ("host:5000/a", "IfNotPresent", False),
        ("a@sha256:0", "IfNotPresent", True),
        ("a:1", "Always", False),
    ],
)
def test_the_default_pull_policy_depends_on_the_tag(image: str, policy: str, *, expected: bool) -> None:
    assert is_default("imagePullPolicy", policy, {"image": image}) is expected


def test_blocks_of_defaults() -> None:
    assert is_default("strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}, {})
    assert not is_default("strategy", {"type": "Recreate"}, {})
    assert not is_default("livenessProbe", {"tcpSocket": {"port": 1}, "periodSeconds": 10}, {})


@pytest.mark.parametrize(
    ("text", "kept", "hidden"),
    [
        ("https://acc.blob.core.windows.net/c?sv=1&sig=abc%2Fdef&se=2", "sv=1", "abc%2Fdef"),
        ("https://user:pa55word@host/x", "host/x", "pa55word"),
        ("s3: AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG failed", "AWS_SECRET_ACCESS_KEY=", "wJalrXUtnFEMI"),
        ('{"secret_access_key": "topsecret", "endpoint": "http://minio:9000"}', "http://minio:9000", "topsecret"),
        ("Authorization: Bearer eyJhbGciOi", "Authorization", "eyJhbGciOi"),
        ("password: hunter2", "password", "hunter2"),
        ("access key AKIAIOSFODNN7EXAMPLE is wrong", "access key", "AKIAIOSFODNN7EXAMPLE"),
        ("X-Amz-Signature=0badcafe&x=1", "x=1", "0badcafe"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvg\n-----END PRIVATE KEY-----", "", "MIIEvg"),
        ("account_key=abc123==", "account_key", "abc123"),
        ("error:\n  token: abc123\n", "error", "abc123"),
        ("{access_key_id: abc123, region: eu}", "region: eu", "abc123"),
    ],
)
def test_secret_values_are_taken_out(text: str, kept: str, hidden: str) -> None:
    cleaned = redact(text)

    assert hidden not in cleaned
    assert kept in cleaned


@pytest.mark.parametrize(
    "text",
    [
        'secret "s3-credentials" not found',
        "directory not found: bucket sklearn has no folder iris",
        "couldn't find key AWS_ACCESS_KEY_ID in Secret ns/sec",
        "InvalidAccessKeyId: the key is not known (status code 403)",
        "0/3 nodes are available: 3 Insufficient cpu.",
    ],
)
def test_useful_words_stay(text: str) -> None:
    assert redact(text) == text


def test_settings_have_defaults_and_read_numbers() -> None:
    given = settings.from_env({"POD_NAMESPACE": "sys", "WATCH_NAMESPACE": "", "METRICS_PORT": "9999"})

    assert (given.namespace, given.watched_namespace, given.metrics_port) == ("sys", None, 9999)
    assert (given.webhook_secret, given.config_name) == ("seldon-webhook-tls", "seldon-config")
    with pytest.raises(settings.SettingsError, match="WEBHOOK_PORT must be a positive whole number, and is 'x'"):
        settings.from_env({"WEBHOOK_PORT": "x"})


def test_logs_are_json_lines_with_the_object() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        log.configure("WARN", stream)
        logging.getLogger("a").info("not this")
        logging.getLogger("a").warning("that %s", "one", extra=log.about("ns", "iris"))
    finally:
        root.handlers[:], root.level = before
    line = json.loads(stream.getvalue())

    assert {k: line[k] for k in ("level", "logger", "message", "object")} == {
        "level": "warning",
        "logger": "a",
        "message": "that one",
        "object": "ns/iris",
    }


def test_metrics_in_prometheus_text_format() -> None:
    metrics = Metrics(queue_depth=lambda: 3.0)
    metrics.reconciles.increment(result="done")
    metrics.reconciles.increment(result="done")
    metrics.duration.observe(0.03)
    metrics.duration.observe(60.0)
    lines = metrics.expose().splitlines()

    assert 'seldon_operator_reconciles_total{result="done"} 2' in lines
    assert 'seldon_operator_reconcile_seconds_bucket{le="0.025"} 0' in lines
    assert 'seldon_operator_reconcile_seconds_bucket{le="0.05"} 1' in lines
    assert 'seldon_operator_reconcile_seconds_bucket{le="+Inf"} 2' in lines
    assert "seldon_operator_reconcile_seconds_count 2" in lines
    assert "seldon_operator_queue_depth 3" in lines
    assert "# TYPE seldon_operator_queue_depth gauge" in lines


@pytest.mark.parametrize(
    ("references", "owner"),
    [
        ([owner_reference("iris", "u1")], Owner.OURS),
        ([{"kind": "Other", "apiVersion": "v1", "name": "x", "uid": "y"}, owner_reference("iris", "u1")], Owner.OURS),
        ([owner_reference("iris", "u0")], Owner.FORMER),
        ([owner_reference("iris", "u0") | {"apiVersion": "machinelearning.seldon.io/v1alpha2"}], Owner.FORMER),
        ([owner_reference("other", "u2")], Owner.FOREIGN),
        ([], Owner.FOREIGN),
    ],
)
def test_owners(references: list[dict[str, Any]], owner: Owner) -> None:
    assert owner_of({"metadata": {"ownerReferences": references}}, "iris", "u1") is owner


def deployment(wanted: int, generation: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "d", "generation": generation},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 2} | status,
    }


@pytest.mark.parametrize(
    ("live", "ready"),
    [
        (deployment(1, replicas=1, updatedReplicas=1, availableReplicas=1), True),
        (deployment(0), True),
        (deployment(1), False),
        (deployment(1, replicas=1, updatedReplicas=1, unavailableReplicas=1), False),
        (deployment(1, replicas=2, updatedReplicas=1, availableReplicas=2), False),
        (deployment(1, replicas=1, availableReplicas=1), False),
        (deployment(1, generation=3, replicas=1, updatedReplicas=1, availableReplicas=1), False),
        (deployment(2, replicas=1, updatedReplicas=1, availableReplicas=1), False),
    ],
)
def test_readiness(live: dict[str, Any], *, ready: bool) -> None:
    assert rollout(live).ready is ready
