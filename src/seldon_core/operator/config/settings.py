"""The environment of the controller's process, read once into one typed value."""

import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(ValueError):
    """A variable that cannot be used; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the chart tells the process.

    Attributes:
        identity: Who this process is among those that may lead (POD_NAME; made up where that is missing). A container
            that is started again in its pod goes on at once with the Lease that the one before it held.
        namespace: Where the controller runs (POD_NAMESPACE).
        watched_namespace: Whose SeldonDeployments it serves; None for all (WATCH_NAMESPACE, empty for all).
        values_file: The chart's values (SELDON_VALUES_FILE).
        config_name: The ConfigMap that is watched (SELDON_CONFIG_NAME).
        controller_id: Serve only SeldonDeployments with this label value (CONTROLLER_ID).
        webhook_port: Where the webhook listens (WEBHOOK_PORT).
        webhook_service: The Service in front of it (WEBHOOK_SERVICE_NAME).
        webhook_configuration: The ValidatingWebhookConfiguration; empty where there is none
        (WEBHOOK_CONFIGURATION_NAME).
        webhook_secret: Where its certificate is kept (WEBHOOK_SECRET_NAME).
        webhook_certificate_folder: Where its certificate lies, made by somebody else (WEBHOOK_CERTIFICATE_FOLDER); None
        where the controller is its own authority.
        resources_file: What the controller makes for itself (SELDON_RESOURCES_FILE); None where the chart has made it.
        metrics_port: Probes and metrics (METRICS_PORT).
        log_level: SELDON_LOG_LEVEL.
        workers: Reconciles at the same time (RECONCILE_WORKERS).
        relist_seconds: What is watched is listed anew after so long (RELIST_SECONDS).
    """

    identity: str
    namespace: str
    watched_namespace: str | None
    values_file: Path
    config_name: str
    controller_id: str
    webhook_port: int
    webhook_service: str
    webhook_configuration: str
    webhook_secret: str
    webhook_certificate_folder: Path | None
    resources_file: Path | None
    metrics_port: int
    log_level: str
    workers: int
    relist_seconds: int


def from_env(env: Mapping[str, str], *, home_namespace: str = "default") -> Settings:
    """Read the variables.

    Args:
        env: Such as os.environ.
        home_namespace: Where POD_NAMESPACE is missing.

    Raises:
        SettingsError: A number is none.
    """
    return Settings(
        identity=env.get("POD_NAME") or f"{socket.gethostname()}_{uuid.uuid4()}",
        namespace=env.get("POD_NAMESPACE") or home_namespace,
        watched_namespace=env.get("WATCH_NAMESPACE") or None,
        values_file=Path(env.get("SELDON_VALUES_FILE") or "/etc/seldon/values.yaml"),
        config_name=env.get("SELDON_CONFIG_NAME") or "seldon-config",
        controller_id=env.get("CONTROLLER_ID", ""),
        webhook_port=_number(env, "WEBHOOK_PORT", 4443),
        webhook_service=env.get("WEBHOOK_SERVICE_NAME") or "seldon-webhook-service",
        webhook_configuration=env.get("WEBHOOK_CONFIGURATION_NAME", ""),
        webhook_secret=env.get("WEBHOOK_SECRET_NAME") or "seldon-webhook-tls",
        webhook_certificate_folder=_path(env, "WEBHOOK_CERTIFICATE_FOLDER"),
        resources_file=_path(env, "SELDON_RESOURCES_FILE"),
        metrics_port=_number(env, "METRICS_PORT", 8080),
        log_level=env.get("SELDON_LOG_LEVEL") or "info",
        workers=_number(env, "RECONCILE_WORKERS", 8),
        relist_seconds=_number(env, "RELIST_SECONDS", 900),
    )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise SettingsError(f"environment variable {name} must be a positive whole number, and is {text!r}")
    return int(text)
