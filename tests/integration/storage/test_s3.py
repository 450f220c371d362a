"""MinIO: styles of credentials, TLS, and everything that goes wrong between a store and a disk."""

import contextlib
import dataclasses
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio
from minio.credentials import AssumeRoleProvider

from seldon_core.storage.errors import ExitCode
from tests.bench.storage import measure
from tests.integration.controlplane import until
from tests.integration.storage import web
from tests.integration.storage.local import IRIS, MANIFEST, PARTS, Fetcher
from tests.integration.storage.places import S3, S3_ACCESS_KEY, S3_SECRET_KEY, Env

STYLES = ("rclone", "own remote", "odd provider", "kfserving", "service account", "path style")
SIDE = ".seldon-model.part"


@pytest.mark.parametrize("style", STYLES)
def test_styles_of_credentials(fetcher: Fetcher, minio: S3, style: str) -> None:
    scheme, env = minio.styles()[style]

    fetcher.run(f"{scheme}:sklearn/iris" if style == "own remote" else f"{scheme}://sklearn/iris", env).assert_whole()


def test_a_mounted_rclone_conf(fetcher: Fetcher, minio: S3) -> None:
    prefix = "RCLONE_CONFIG_X_"
    lines = [f"{key.removeprefix(prefix).lower()} = {value}" for key, value in minio.rclone("X").items()]
    conf = fetcher.folder / "rclone.conf"
    conf.write_text("\n".join(["[cluster-minio]", *lines, ""]), encoding="utf-8")

    fetcher.run("cluster-minio:sklearn/iris", {"RCLONE_CONFIG": str(conf)}).assert_whole()


def test_a_public_bucket_needs_nothing(fetcher: Fetcher, minio: S3) -> None:
    fetcher.run("s3://public/iris", {"AWS_ENDPOINT_URL": minio.endpoint}).assert_whole({"model.joblib": b"public"})


@pytest.mark.parametrize("style", ["rclone", "kfserving"])
def test_workload_identity(fetcher: Fetcher, minio: S3, style: str) -> None:
    """As a pod gets it from its platform: an address that gives keys for a while, with a token for the session."""
    found = AssumeRoleProvider(
        sts_endpoint=minio.endpoint, access_key=S3_ACCESS_KEY, secret_key=S3_SECRET_KEY, duration_seconds=3600
    ).retrieve()
    keys = {
        "AccessKeyId": found.access_key,
        "SecretAccessKey": found.secret_key,
        "Token": found.session_token,
        "Expiration": "2099-01-01T00:00:00Z",
    }
    rclone = {
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_ENV_AUTH": "true",
        "RCLONE_CONFIG_S3_ENDPOINT": minio.endpoint,
    }
    with web.serve(lambda _: web.Answer(200, json.dumps(keys).encode(), {"Content-Type": "application/json"})) as url:
        env = rclone if style == "rclone" else {"AWS_ENDPOINT_URL": minio.endpoint}
        fetcher.run("s3://sklearn/iris", env | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/creds"}).assert_whole()


def test_an_identity_that_is_not_there(fetcher: Fetcher, minio: S3) -> None:
    with web.serve(lambda _: web.Answer(403)) as url:
        env = {"AWS_ENDPOINT_URL": minio.endpoint, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/creds"}
        outcome = fetcher.run("s3://sklearn/iris", env)

    outcome.assert_told(ExitCode.AUTH, "the pod's AWS identity may not read it or is not there")


def trusted(store: S3, style: str, folder: Path) -> tuple[str, Env]:
    """The own authority, as people give it."""
    path = folder / "ca.pem"
    path.write_text(store.authority, encoding="utf-8")
    scheme, env = store.styles()["rclone" if style.startswith("rclone") else "kfserving"]
    return scheme, env | {
        "rclone file": {"RCLONE_CA_CERT": str(path)},
        "rclone text": {"RCLONE_CA_CERT": store.authority},
        "kfserving file": {"AWS_CA_BUNDLE": str(path)},
        "kfserving text": {"AWS_CA_BUNDLE": store.authority},
        "kfserving unchecked": {"S3_VERIFY_SSL": "0"},
        "rclone unchecked": {"RCLONE_NO_CHECK_CERTIFICATE": "true"},
    }[style]


@pytest.mark.parametrize(
    "style",
    ["rclone file", "rclone text", "kfserving file", "kfserving text", "kfserving unchecked", "rclone unchecked"],
)
def test_an_own_authority(fetcher: Fetcher, minio_tls: S3, tmp_path: Path, style: str) -> None:
    scheme, env = trusted(minio_tls, style, tmp_path)

    fetcher.run(f"{scheme}://sklearn/iris", env).assert_whole()


@pytest.mark.parametrize("style", ["rclone", "kfserving"])
def test_an_installations_authority(fetcher: Fetcher, minio_tls: S3, tmp_path: Path, style: str) -> None:
    """As the controller mounts it: `storageInitializer.caBundle`."""
    (tmp_path / "cabundle.crt").write_text(minio_tls.authority, encoding="utf-8")
    scheme, env = minio_tls.styles()[style]

    outcome = fetcher.run(f"{scheme}://sklearn/iris", env | {"CA_BUNDLE_VOLUME_MOUNT_POINT": str(tmp_path)})

    outcome.assert_whole()


def test_an_own_authority_that_was_not_given(fetcher: Fetcher, minio_tls: S3) -> None:
    scheme, env = minio_tls.styles()["kfserving"]

    outcome = fetcher.run(f"{scheme}://sklearn/iris", env)

    outcome.assert_told(ExitCode.NETWORK, "its TLS certificate is not trusted: mount its CA and set AWS_CA_BUNDLE")


def test_an_authority_whose_file_is_not_there(fetcher: Fetcher, minio_tls: S3) -> None:
    scheme, env = minio_tls.styles()["kfserving"]

    outcome = fetcher.run(f"{scheme}://sklearn/iris", env | {"AWS_CA_BUNDLE": "/no/such/ca.pem"})

    outcome.assert_told(ExitCode.CONFIG, "there is no file /no/such/ca.pem")


BAD_URIS = {
    "s3://sklaern/iris": (ExitCode.NOT_FOUND, 'there is no bucket "sklaern"'),
    "s3://sklearn/irsi": (ExitCode.NOT_FOUND, "nearest: iris/, iris2/"),
    "s3://sklearn/iri": (ExitCode.NOT_FOUND, "no objects under s3://sklearn/iri"),
    "mys3:sklearn/iris": (ExitCode.CONFIG, 'remote "mys3" of modelUri mys3:sklearn/iris is not defined'),
}


@pytest.mark.parametrize("style", ["rclone", "kfserving"])
@pytest.mark.parametrize("uri", BAD_URIS)
def test_uris_without_a_model(fetcher: Fetcher, minio: S3, style: str, uri: str) -> None:
    fetcher.run(uri, minio.styles()[style][1]).assert_told(*BAD_URIS[uri])


BAD_KEYS = {
    "unknown key": ("AWS_ACCESS_KEY_ID", "nobody-knows-it", ExitCode.AUTH, "the access key id is unknown to the store"),
    "wrong secret": ("AWS_SECRET_ACCESS_KEY", "wrong", ExitCode.AUTH, "does not belong to the access key id"),
    "empty secret": ("AWS_SECRET_ACCESS_KEY", "", ExitCode.CONFIG, "AWS_SECRET_ACCESS_KEY is missing or empty"),
}


@pytest.mark.parametrize("case", BAD_KEYS)
def test_keys_that_do_not_open_it(fetcher: Fetcher, minio: S3, case: str) -> None:
    name, value, code, text = BAD_KEYS[case]
    _, env = minio.styles()["kfserving"]

    fetcher.run("s3://sklearn/iris", env | {name: value}).assert_told(code, text)


@contextlib.contextmanager
def through(store: S3, fault: web.Respond) -> Iterator[Env]:
    """The environment of a store behind a proxy."""
    with web.serve(fault) as url:
        yield store.at(url).styles()["kfserving"][1]


def test_a_key_that_leads_out_of_its_folder(fetcher: Fetcher, minio: S3) -> None:
    """No store that runs here takes such a key, so its listing is changed on the way."""
    pass_on = web.forward(minio.endpoint)

    def evil(request: web.Request) -> web.Answer:
        answer = pass_on(request)
        return dataclasses.replace(answer, body=answer.body.replace(b"<Key>iris/empty<", b"<Key>iris/../em<"))

    with through(minio, evil) as env:
        outcome = fetcher.run("s3://sklearn/iris", env)

    outcome.assert_told(ExitCode.BAD_URI, "which leaves the model's folder")


def test_a_byte_that_was_changed_on_the_way(fetcher: Fetcher, minio: S3) -> None:
    with through(minio, web.faulty(minio.endpoint, "model.joblib", web.flip)) as env:
        outcome = fetcher.run("s3://sklearn/iris", env)

    outcome.assert_told(ExitCode.DIGEST, "model.joblib of s3://sklearn/iris")
    assert "arrived with another content than the store's" in outcome.message


@pytest.mark.parametrize("uri", ["s3://parts", "s3://parts/large.bin"])
def test_objects_in_parts_are_held_against_their_etag(fetcher: Fetcher, minio: S3, uri: str) -> None:
    fetcher.run(uri, minio.styles()["kfserving"][1]).assert_whole({"large.bin": PARTS})

    assert fetcher.verified() == {"large.bin": "etag"}


def test_a_byte_of_an_object_in_parts_that_was_changed_on_the_way(fetcher: Fetcher, minio: S3) -> None:
    with through(minio, web.faulty(minio.endpoint, "large.bin", web.flips(100))) as env:
        outcome = fetcher.run("s3://parts", env)
    outcome.assert_told(ExitCode.DIGEST, "large.bin of s3://parts")
    assert "arrived with another content than the store's" in outcome.message

    with through(minio, web.faulty(minio.endpoint, "large.bin", web.flips(1))) as env:
        outcome = fetcher.run("s3://parts", env)
    outcome.assert_whole({"large.bin": PARTS})
    assert "large.bin: not what the store's digest says: fetching again" in outcome.output
    assert fetcher.verified() == {"large.bin": "etag"}


LARGE = bytes(range(241)) * 1_200_000
"""276 MiB: such a file comes over several connections, and is hashed while it comes."""


@pytest.fixture(scope="module")
def large(minio: S3) -> S3:
    client = Minio(minio.endpoint.partition("://")[2], S3_ACCESS_KEY, S3_SECRET_KEY, secure=False)
    client.make_bucket("large")
    client.put_object("large", "parts/model.bin", io.BytesIO(LARGE), len(LARGE), part_size=16 * 1024 * 1024)
    return minio


def test_a_large_file_takes_little_memory(fetcher: Fetcher, large: S3) -> None:
    command, env = fetcher.command("s3://large/parts", large.styles()["kfserving"][1])
    measured = measure.run(measure.Program(command, env), fetcher.folder / "log")

    output = (fetcher.folder / "log").read_text(encoding="utf-8")
    fetcher.outcome(measured.status, output).assert_whole({"model.bin": LARGE})
    assert fetcher.verified() == {"model.bin": "etag"}
    assert measured.peak_mib < 100


def test_a_byte_of_a_large_file_that_was_changed_on_the_way(fetcher: Fetcher, large: S3) -> None:
    with through(large, web.faulty(large.endpoint, "model.bin", web.flips(1))) as env:
        outcome = fetcher.run("s3://large/parts", env)

    outcome.assert_whole({"model.bin": LARGE})
    assert "model.bin: not what the store's digest says: fetching again" in outcome.output
    assert fetcher.verified() == {"model.bin": "etag"}


def test_an_etag_that_proves_nothing(fetcher: Fetcher, minio: S3) -> None:
    _, env = minio.styles()["kfserving"]
    outcome = fetcher.run("s3://odd", env)
    outcome.assert_whole({"large.bin": PARTS})
    assert "large.bin: its ETag fits no usual size of parts; two readings of it are alike" in outcome.output
    assert fetcher.verified() == {"large.bin": "twice"}
    (fetcher.destination / MANIFEST).unlink()

    outcome = fetcher.run("s3://odd", env | {"SELDON_STORAGE_VERIFY": "store"})
    assert "the store has no digest that can be checked of 1 of 1 file" in outcome.output
    assert fetcher.verified() == {"large.bin": "size"}


def test_everything_is_read_twice_where_asked(fetcher: Fetcher, minio: S3) -> None:
    twice = {"SELDON_STORAGE_VERIFY": "twice"}
    fetcher.run("s3://sklearn/iris", minio.styles()["kfserving"][1] | twice).assert_whole()
    (fetcher.destination / MANIFEST).unlink()
    asked = iter(range(2))

    def second(answer: web.Answer) -> web.Answer:
        return web.flip(answer) if next(asked, 2) == 1 else answer

    with through(minio, web.faulty(minio.endpoint, "model.joblib", second)) as env:
        outcome = fetcher.run("s3://sklearn/iris", env | twice)
    assert outcome.status == ExitCode.DIGEST, outcome.output


def test_connections_that_break_are_tried_again(fetcher: Fetcher, minio: S3) -> None:
    fault = web.faulty(minio.endpoint, "model.joblib", web.first(2, web.cut))

    with through(minio, fault) as env:
        fetcher.run("s3://sklearn/iris", env).assert_whole()


def test_a_store_that_stops_in_the_middle(fetcher: Fetcher, minio: S3) -> None:
    """The deadline ends it; until then a line every 5 s says how far it is."""
    with through(minio, web.faulty(minio.endpoint, "model.joblib", web.hang)) as env:
        outcome = fetcher.run("s3://sklearn/iris", env | {"SELDON_STORAGE_DEADLINE": "6.5"})

    outcome.assert_told(ExitCode.NETWORK, "was not done within 6.5 s: raise SELDON_STORAGE_DEADLINE")
    assert "of 10.0 KiB, " in outcome.output


BAD_ENDPOINTS = {
    "redirects": (web.Answer(302, headers={"Location": "/elsewhere"}), "it redirects"),
    "broken": (web.Answer(503, b"<Error><Code>ServiceUnavailable</Code></Error>"), "it reports an error of its own"),
}


@pytest.mark.parametrize("case", BAD_ENDPOINTS)
def test_endpoints_that_are_no_store(fetcher: Fetcher, minio: S3, case: str) -> None:
    answer, text = BAD_ENDPOINTS[case]
    with through(minio, lambda _: answer) as env:
        outcome = fetcher.run("s3://sklearn/iris", env)

    outcome.assert_told(ExitCode.NETWORK, f"cannot be used: {text}")


def test_killed_in_the_middle(fetcher: Fetcher, minio: S3) -> None:
    """What kill -9 leaves is no model, and the next run makes it whole."""
    with through(minio, web.faulty(minio.endpoint, "model.joblib", web.hang)) as env:
        running = fetcher.start("s3://sklearn/iris", env)
        arrived = fetcher.destination / SIDE / "metadata.yaml"
        until(lambda: arrived.is_file() and arrived.stat().st_size, 20, "nothing arrived")
        running.send_signal(signal.SIGKILL)
        output, _ = running.communicate(timeout=10)
    assert [path.name for path in fetcher.destination.iterdir()] == [SIDE]
    assert fetcher.outcome(running.returncode, output).status == -signal.SIGKILL

    fetcher.run("s3://sklearn/iris", minio.styles()["kfserving"][1]).assert_whole()


def test_a_cache_that_pods_share(fetcher: Fetcher, minio: S3) -> None:
    shelf, other = fetcher.folder / "cache", fetcher.folder / "other"
    shelf.mkdir()
    other.mkdir()
    env = minio.styles()["kfserving"][1] | {"SELDON_STORAGE_CACHE": str(shelf)}
    fetcher.run("s3://sklearn/iris", env).assert_whole()
    listing = web.forward(minio.endpoint)

    def no_downloads(request: web.Request) -> web.Answer:
        return web.Answer(500) if any(web.is_download(request, name) for name in IRIS) else listing(request)

    with web.serve(no_downloads) as url:
        outcome = fetcher.run("s3://sklearn/iris", env | {"AWS_ENDPOINT_URL": url}, destination=other)

    outcome.assert_whole()
    assert "comes from the cache" in outcome.output
