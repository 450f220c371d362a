"""Certificates in variables reach rclone as files."""

from pathlib import Path

import pytest

from seldon_core.storage import main as command
from seldon_core.storage import trust
from seldon_core.storage.errors import ExitCode, StorageError
from tests.unit.storage.fake_rclone import FakeRclone

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("value", [PEM, PEM.replace("\n", "\\n")])
def test_certificates_become_a_file(value: str) -> None:
    with trust.as_files({"RCLONE_CA_CERT": value, "X": "y"}) as (env, descriptors):
        assert Path(env["RCLONE_CA_CERT"]).read_text(encoding="utf-8") == PEM
        assert env["RCLONE_CA_CERT"] == f"/proc/self/fd/{descriptors[0]}"
        assert env["X"] == "y"


def test_paths_stay(tmp_path: Path) -> None:
    files = [tmp_path / "a.pem", tmp_path / "b.pem"]
    for file in files:
        file.touch()
    both = ",".join(map(str, files))

    with trust.as_files({"RCLONE_CA_CERT": both}) as (env, descriptors):
        assert env == {"RCLONE_CA_CERT": both}
        assert descriptors == ()


def test_a_path_without_a_file_is_told() -> None:
    with (
        pytest.raises(StorageError, match=r"there is no file /no/such/ca\.pem") as told,
        trust.as_files({"RCLONE_CA_CERT": "/no/such/ca.pem"}),
    ):
        pass
    assert told.value.code is ExitCode.CONFIG


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "RCLONE_CA_CERT"])
def test_rclone_inherits_it(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, PEM)
    fake_rclone.put("sklearn/iris/model.joblib", b"model")

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert [call["ca"] for call in fake_rclone.calls] == [PEM.strip()] * 2


@pytest.fixture
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the controller mounts and sets, in an image with public authorities."""
    public = tmp_path / "public.crt"
    public.write_text("public\n", encoding="utf-8")
    monkeypatch.setattr(trust, "_PUBLIC", public)
    (tmp_path / "cabundle.crt").write_text("own\n", encoding="utf-8")
    monkeypatch.setenv("CA_BUNDLE_VOLUME_MOUNT_POINT", str(tmp_path))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


@pytest.mark.usefixtures("log", "_installation")
@pytest.mark.parametrize(
    ("env", "trusted"),
    [
        ({}, "public\nown\n"),
        ({"RCLONE_CONFIG_S3_TYPE": "s3", "RCLONE_CONFIG_S3_ENDPOINT": "https://minio"}, "public\nown\n"),
        ({"AWS_CA_BUNDLE": PEM}, PEM.strip()),
        ({"RCLONE_CA_CERT": PEM}, PEM),
        ({"SSL_CERT_FILE": ""}, "public\nown\n"),
    ],
)
def test_an_installation_has_an_authority_beside_the_public_ones(
    fake_rclone: FakeRclone,
    destination: Path,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    trusted: str,
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    fake_rclone.put("sklearn/iris/model.joblib", b"model")

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert {call["ca"].strip() for call in fake_rclone.calls} == {trusted.strip()}


def test_an_installations_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = trust.of_installation({"CA_BUNDLE_VOLUME_MOUNT_POINT": str(tmp_path)})

    with pytest.raises(StorageError, match="cabundle"), trust.as_files({"RCLONE_CA_CERT": found}):
        pass
    assert trust.of_installation({}) == ""
