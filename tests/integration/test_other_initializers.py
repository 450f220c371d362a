"""The images that people bring along: stock rclone, the tutorial's three lines on it, and kfserving's initializer."""

from pathlib import Path

import pytest

from tests.integration.conftest import ACCESS_KEY, IRIS, ROOT, SECRET_KEY, Store
from tests.integration.initializer import DESTINATION, Runner, digest

WHOLE_IRIS = {path: digest(content) for path, content in IRIS.items()}


def test_stock_rclone_with_a_mounted_configuration(runner: Runner, store: Store, tmp_path: Path) -> None:
    config = tmp_path / "rclone.conf"
    config.write_text(
        "[cluster-minio]\ntype = s3\nprovider = minio\nenv_auth = false\n"
        f"access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\nendpoint = {store.endpoint}\n",
        encoding="utf-8",
    )
    config.chmod(0o644)

    outcome = runner.run(
        "rclone",
        ["copy", "cluster-minio:sklearn/iris", DESTINATION],
        {},
        mounts={config: "/config/rclone/rclone.conf"},
    )

    assert outcome.status == 0, outcome
    assert outcome.files == WHOLE_IRIS


def test_our_initializer_reads_the_same_configuration(runner: Runner, store: Store, tmp_path: Path) -> None:
    config = tmp_path / "rclone.conf"
    config.write_text(
        "[cluster-minio]\ntype = s3\nprovider = minio\n"
        f"access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\nendpoint = {store.endpoint}\n",
        encoding="utf-8",
    )
    config.chmod(0o644)

    outcome = runner.run(
        "rclone-storage-initializer",
        ["cluster-minio:sklearn/iris", DESTINATION],
        {},
        mounts={config: "/config/rclone/rclone.conf"},
    )

    assert outcome.status == 0, outcome
    assert outcome.files == WHOLE_IRIS


def test_the_tutorials_image_takes_source_and_destination(runner: Runner, store: Store) -> None:
    outcome = runner.run("rclone-init-container-example", ["mys3:sklearn/iris", DESTINATION], store.remote("MYS3"))

    assert outcome.status == 0, outcome
    assert outcome.files == WHOLE_IRIS


@pytest.mark.parametrize("style", ["kfserving", "service_account"])
def test_kfservings_initializer(runner: Runner, store: Store, style: str) -> None:
    outcome = runner.run("kfserving-storage-initializer", ["s3://mymodel", DESTINATION], getattr(store, style))

    assert outcome.status == 0, outcome
    assert outcome.files == {path: digest(content) for path, content in ROOT.items()}


def test_kfservings_initializer_is_the_real_one(runner: Runner, store: Store) -> None:
    """It fetches the sibling `iris2` along with `iris`: known of its code, and why ours lists before it copies."""
    outcome = runner.run("kfserving-storage-initializer", ["s3://sklearn/iris", DESTINATION], store.kfserving)

    assert outcome.status == 0, outcome
    assert outcome.files == WHOLE_IRIS | {"2/model.joblib": digest(b"the neighbour's model")}
