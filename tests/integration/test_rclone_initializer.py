"""The storage initializer's image against a real MinIO: styles of credentials, shapes of a model, failures."""

from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from seldon_core import __version__
from seldon_core.storage.errors import ExitCode
from tests.integration.conftest import IRIS, ROOT, SECRET_KEY, START_TIMEOUT, Store
from tests.integration.initializer import DESTINATION, Outcome, Runner, digest, image

INITIALIZER = "rclone-storage-initializer"
WHOLE_IRIS = {path: digest(content) for path, content in IRIS.items()}


def fetch(runner: Runner, uri: str, env: dict[str, str], *, offline: bool = False, space: str = "") -> Outcome:
    return runner.run(INITIALIZER, [uri, DESTINATION], env, offline=offline, space=space)


def assert_whole(outcome: Outcome) -> None:
    assert outcome.status == ExitCode.OK, outcome
    assert outcome.files == WHOLE_IRIS
    assert outcome.message == ""
    assert SECRET_KEY not in outcome.output + outcome.errors


def assert_told(outcome: Outcome, code: ExitCode, text: str) -> None:
    """One line, the same on stderr and in the termination message, without secrets, and no file left behind."""
    assert outcome.status == code, outcome
    assert text in outcome.message
    assert outcome.errors == f"{outcome.message}\n"
    assert SECRET_KEY not in outcome.output + outcome.errors
    assert outcome.files == {}


@pytest.mark.parametrize("style", ["rclone", "kfserving", "service_account"])
def test_credential_styles(runner: Runner, store: Store, style: str) -> None:
    """Also: nested folders, an empty file, odd names, and no file of the sibling `iris2`."""
    assert_whole(fetch(runner, "s3://sklearn/iris", getattr(store, style)))


def test_a_remote_of_the_users_own_name(runner: Runner, store: Store) -> None:
    assert_whole(fetch(runner, "mys3:sklearn/iris", store.remote("MYS3")))


def test_minio_scheme(runner: Runner, store: Store) -> None:
    assert_whole(fetch(runner, "minio://sklearn/iris/", store.kfserving))


def test_the_root_of_a_bucket(runner: Runner, store: Store) -> None:
    outcome = fetch(runner, "s3://mymodel", store.rclone)

    assert outcome.status == ExitCode.OK, outcome
    assert outcome.files == {path: digest(content) for path, content in ROOT.items()}


def test_a_single_file(runner: Runner, store: Store) -> None:
    outcome = fetch(runner, "s3://sklearn/iris/model.joblib", store.rclone)

    assert outcome.status == ExitCode.OK, outcome
    assert outcome.files == {"model.joblib": WHOLE_IRIS["model.joblib"]}


def test_a_restart_needs_no_network(runner: Runner, store: Store) -> None:
    assert_whole(fetch(runner, "s3://sklearn/iris", store.rclone))

    again = fetch(runner, "s3://sklearn/iris", store.rclone, offline=True)

    assert_whole(again)
    assert "nothing to download" in again.output


def test_another_uri_replaces_the_model(runner: Runner, store: Store) -> None:
    assert_whole(fetch(runner, "s3://sklearn/iris", store.rclone))

    outcome = fetch(runner, "s3://mymodel", store.rclone)

    assert outcome.files == {path: digest(content) for path, content in ROOT.items()}


def test_secrets_with_a_newline_at_their_end(runner: Runner, store: Store) -> None:
    assert_whole(fetch(runner, "s3://sklearn/iris", {key: f"{value}\n" for key, value in store.kfserving.items()}))


@pytest.mark.parametrize(
    ("uri", "code", "text"),
    [
        (
            "s3://sklaern/iris",
            ExitCode.NOT_FOUND,
            'there is no bucket "sklaern" for s3://sklaern/iris (endpoint http://minio:9000): nearest: sklearn;',
        ),
        (
            "s3://sklearn/irsi",
            ExitCode.NOT_FOUND,
            "no objects under s3://sklearn/irsi (endpoint http://minio:9000): nearest: iris/, iris2/; correct modelUri",
        ),
        ("s3://sklearn/iris/v1/v2", ExitCode.NOT_FOUND, "no objects under s3://sklearn/iris/v1/v2"),
        (
            "s3://sklearn/emptied",
            ExitCode.NOT_FOUND,
            "the folder s3://sklearn/emptied (endpoint http://minio:9000) is empty",
        ),
        ("s3://empty", ExitCode.NOT_FOUND, "the bucket is empty"),
        (
            "mys3:sklearn/iris",
            ExitCode.CONFIG,
            'remote "mys3" of modelUri mys3:sklearn/iris is not defined (defined: s3)',
        ),
        ("dummy value", ExitCode.BAD_URI, 'modelUri "dummy value" is not the address of a model'),
        (":local:/etc/hostname", ExitCode.BAD_URI, "connection strings"),
        (
            ":webdav,url='http://x',bearer_token_command='touch /mnt/models/pwned':",
            ExitCode.BAD_URI,
            "connection strings",
        ),
        ("s3,endpoint='http://x':sklearn/iris", ExitCode.BAD_URI, "connection strings"),
        ("--config=/etc/passwd", ExitCode.BAD_URI, "flags"),
        ("/etc/passwd", ExitCode.BAD_URI, "is a path of this container"),
        ("s3://sklearn/../mymodel", ExitCode.BAD_URI, '".." segment'),
        ("http://169.254.169.254/latest/meta-data", ExitCode.BAD_URI, "is an address inside of the node"),
    ],
)
def test_uris_without_a_model(runner: Runner, store: Store, uri: str, code: ExitCode, text: str) -> None:
    assert_told(fetch(runner, uri, store.rclone), code, text)


@pytest.mark.parametrize(
    ("style", "key"),
    [("rclone", "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY"), ("kfserving", "AWS_SECRET_ACCESS_KEY")],
)
def test_wrong_and_empty_keys(runner: Runner, store: Store, style: str, key: str) -> None:
    env = getattr(store, style)

    wrong = fetch(runner, "s3://sklearn/iris", {**env, key: "wrong-secret"})
    empty = fetch(runner, "s3://sklearn/iris", {**env, key: ""})

    assert_told(wrong, ExitCode.AUTH, "the secret access key does not belong to the access key id: correct ")
    assert key in wrong.message
    assert "wrong-secret" not in wrong.message + wrong.output
    assert_told(empty, ExitCode.CONFIG, f"{key}")


def test_no_credentials(runner: Runner, store: Store) -> None:
    outcome = fetch(runner, "s3://sklearn/iris", {"AWS_ENDPOINT_URL": store.endpoint})

    assert_told(outcome, ExitCode.AUTH, "no credentials were given")
    assert "RCLONE_CONFIG_S3_TYPE" in outcome.message
    assert "AWS_ACCESS_KEY_ID" in outcome.message


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("http://minio:1", "it refuses connections: check the port in RCLONE_CONFIG_S3_ENDPOINT"),
        ("http://nowhere.invalid:9000", "its host name does not resolve"),
        ("https://minio:9000", "it speaks http, not https"),
    ],
)
def test_endpoints_that_do_not_work(runner: Runner, store: Store, endpoint: str, text: str) -> None:
    outcome = fetch(runner, "s3://sklearn/iris", {**store.rclone, "RCLONE_CONFIG_S3_ENDPOINT": endpoint})

    assert_told(outcome, ExitCode.NETWORK, text)


def test_an_endpoint_that_never_answers(runner: Runner, network: Network, store: Store) -> None:
    server = (
        "import socket, time; s = socket.create_server(('', 9000)); print('listening', flush=True); time.sleep(600)"
    )
    silent = (
        DockerContainer(image("python"))
        .with_command(["-c", server])
        .with_network(network)
        .with_network_aliases("silent")
        .waiting_for(LogMessageWaitStrategy("listening").with_startup_timeout(START_TIMEOUT))
    )
    with silent:
        outcome = fetch(
            runner, "s3://sklearn/iris", {**store.rclone, "RCLONE_CONFIG_S3_ENDPOINT": "http://silent:9000"}
        )

    assert_told(outcome, ExitCode.NETWORK, "it does not answer in time")


def test_the_deadline(runner: Runner, store: Store) -> None:
    outcome = fetch(runner, "s3://sklearn/iris", {**store.rclone, "SELDON_STORAGE_DEADLINE": "0.001"})

    assert_told(outcome, ExitCode.NETWORK, "was not done within 0.001 s: raise SELDON_STORAGE_DEADLINE")


def test_a_volume_that_is_too_small(runner: Runner, store: Store) -> None:
    outcome = fetch(runner, "s3://sklearn/iris", store.rclone, space="4k")

    assert_told(outcome, ExitCode.DISK_FULL, "and /mnt/models has ")


def test_variables_that_run_programs_are_not_passed_on(runner: Runner, store: Store) -> None:
    outcome = fetch(
        runner,
        "s3://sklearn/iris",
        {**store.rclone, "RCLONE_PASSWORD_COMMAND": "touch /mnt/models/pwned", "RCLONE_VERBOSE": "2"},
    )

    assert_whole(outcome)
    assert "RCLONE_PASSWORD_COMMAND is not passed on" in outcome.output


def test_backends_that_the_image_leaves_out(runner: Runner, store: Store) -> None:
    outcome = fetch(runner, "x:a/b", {"RCLONE_CONFIG_X_TYPE": "sftp", "RCLONE_CONFIG_X_HOST": "minio"})

    assert_told(outcome, ExitCode.CONFIG, 'this image has no rclone backend "sftp"')
    assert f"the image rclone-storage-initializer-full:{__version__}, which holds all" in outcome.message


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    """A persistent volume's content as model registries leave it: a version, and a link to the latest."""
    folder = tmp_path / "claim"
    (folder / "v1" / "sub").mkdir(parents=True)
    (folder / "v1" / "model.joblib").write_bytes(b"model")
    (folder / "v1" / "sub" / "data").write_bytes(b"data")
    (folder / "latest").symlink_to("v1")
    return folder


def test_a_mounted_claim(runner: Runner, claim: Path) -> None:
    outcome = runner.run(INITIALIZER, ["/mnt/pvc/latest", DESTINATION], {}, mounts={claim: "/mnt/pvc"})

    assert outcome.status == ExitCode.OK, outcome
    assert outcome.files == {"model.joblib": digest(b"model"), "sub/data": digest(b"data")}


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/mnt/pvc/lates", ExitCode.NOT_FOUND, 'there is no "lates" on the claim: nearest: latest'),
        ("/mnt/pvc/evil", ExitCode.BAD_URI, "/mnt/pvc/evil/passwd leads out of the claim"),
        ("/mnt/pvc/etc", ExitCode.BAD_URI, "/mnt/pvc/etc leads out of the claim"),
        ("/mnt/pvc/../../etc", ExitCode.BAD_URI, '".." segment'),
    ],
)
def test_a_claim_without_the_model(runner: Runner, claim: Path, path: str, code: ExitCode, text: str) -> None:
    (claim / "evil").mkdir()
    (claim / "evil" / "passwd").symlink_to("/etc/passwd")
    (claim / "etc").symlink_to("/etc")

    assert_told(runner.run(INITIALIZER, [path, DESTINATION], {}, mounts={claim: "/mnt/pvc"}), code, text)


def test_usage(runner: Runner) -> None:
    assert_told(runner.run(INITIALIZER, ["s3://a/b"], {}), ExitCode.USAGE, "expected 2 arguments, got 1")
