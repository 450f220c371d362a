import json
import time

import pytest

from seldon_core.storage.credentials import resolve
from seldon_core.storage.errors import StorageError
from seldon_core.storage.rclone import Rclone, Stats, environment, ignored
from seldon_core.storage.uri import parse
from tests.unit.storage.fake_rclone import FakeRclone

SECRET_ENV = {
    "RCLONE_CONFIG_S3_TYPE": "s3",
    "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "a",
    "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": "b",
    "RCLONE_CONFIG_OTHER_TYPE": "webdav",
    "RCLONE_CONFIG_OTHER_BEARER_TOKEN_COMMAND": "id",
    "RCLONE_PASSWORD_COMMAND": "id",
    "RCLONE_METADATA_MAPPER": "id",
    "RCLONE_RC": "true",
    "RCLONE_VERBOSE": "2",
    "RCLONE_DUMP": "headers",
    "RCLONE_TRANSFERS": "8",
    "HTTPS_PROXY": "http://proxy:3128",
    "LD_PRELOAD": "/evil.so",
    "AWS_CONFIG_FILE": "/evil",
    "AWS_PROFILE": "evil",
    "AWS_ROLE_ARN": "arn",
    "HOME": "/root",
    "PATH": "/evil",
}


def test_rclone_gets_its_remote_and_nothing_else() -> None:
    (remote,) = resolve(parse("s3://b/x"), SECRET_ENV)

    assert environment(remote, SECRET_ENV) == {
        "RCLONE_CONFIG": "",
        "HOME": "/nonexistent",
        "GOMEMLIMIT": "64MiB",
        "RCLONE_TRANSFERS": "8",
        "HTTPS_PROXY": "http://proxy:3128",
        "RCLONE_CONFIG_MODEL_TYPE": "s3",
        "RCLONE_CONFIG_MODEL_PROVIDER": "AWS",
        "RCLONE_CONFIG_MODEL_ACCESS_KEY_ID": "a",
        "RCLONE_CONFIG_MODEL_SECRET_ACCESS_KEY": "b",
    }


def test_a_pods_identity_is_passed_only_to_a_remote_that_asks_for_it() -> None:
    env = {
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_ENV_AUTH": "true",
        "AWS_ROLE_ARN": "arn",
        "AWS_PROFILE": "evil",
    }
    (remote,) = resolve(parse("s3://b/x"), env)

    clean = environment(remote, env)

    assert clean["AWS_ROLE_ARN"] == "arn"
    assert "AWS_PROFILE" not in clean


def test_a_claim_needs_no_remote() -> None:
    assert not any(key.startswith("RCLONE_CONFIG_") for key in environment(None, SECRET_ENV))


def test_ignored_variables_are_named() -> None:
    assert ignored(SECRET_ENV) == (
        "RCLONE_DUMP",
        "RCLONE_METADATA_MAPPER",
        "RCLONE_PASSWORD_COMMAND",
        "RCLONE_RC",
        "RCLONE_VERBOSE",
    )


def test_paths_are_never_flags(fake_rclone: FakeRclone) -> None:
    fake_rclone.answer({"*": {"status": 0}})

    Rclone({}, time.monotonic() + 60).run(["copy"], ["--config=x", "y"])

    args = fake_rclone.calls[0]["args"]
    assert args[args.index("--") :] == ["--", "--config=x", "y"]


def test_lines_messages_and_status(fake_rclone: FakeRclone) -> None:
    fake_rclone.answer({"*": {"status": 5, "out": ["[", "x"], "messages": ["first", "last"], "object": "model.joblib"}})
    lines: list[str] = []

    result = Rclone({}, time.monotonic() + 60).run(["lsjson"], ["model:b"], on_line=lines.append)

    assert lines == ["[\n", "x\n"]
    assert result.status == 5
    assert result.messages == ("model.joblib: first", "model.joblib: last")
    assert not result.expired


def test_the_deadline_ends_it(fake_rclone: FakeRclone) -> None:
    fake_rclone.answer({"*": {"status": 0, "hang": True, "out": ["{}"]}})

    result = Rclone({}, time.monotonic() + 0.2).run(["copy"], ["a", "b"])

    assert result.expired
    assert not result.silent


def test_a_store_that_says_nothing_ends_it(fake_rclone: FakeRclone) -> None:
    """The bracket that opens a listing is written before the store was asked."""
    fake_rclone.answer({"*": {"status": 0, "hang": True, "out": ["["]}})

    result = Rclone({}, time.monotonic() + 60).run(["lsjson"], ["a"], patience=0.2)

    assert result.silent
    assert not result.expired


def test_progress(fake_rclone: FakeRclone) -> None:
    program = fake_rclone.folder / "rclone"
    stats = {"bytes": 5, "totalBytes": 10, "transfers": 1, "totalTransfers": 2, "speed": 2.5}
    entry = {"level": "notice", "msg": "...", "stats": stats}
    program.write_text(
        f"#!/bin/sh\necho '{json.dumps(entry)}' >&2\n",
        encoding="utf-8",
    )
    seen: list[Stats] = []

    result = Rclone({}, time.monotonic() + 60).run(["copy"], ["a", "b"], on_stats=seen.append)

    assert seen == [Stats(bytes=5, total_bytes=10, files=1, total_files=2, speed=2.5)]
    assert result.messages == ()


def test_an_image_without_rclone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(StorageError, match="there is no rclone in this image"):
        Rclone({}, time.monotonic() + 1)


def test_only_the_last_messages_are_kept_whatever_they_look_like(fake_rclone: FakeRclone) -> None:
    program = fake_rclone.folder / "rclone"
    program.write_text(
        "#!/bin/sh\nfor n in $(seq 1000); do echo $n >&2; done\necho null >&2\nexit 2\n", encoding="utf-8"
    )

    result = Rclone({}, time.monotonic() + 60).run(["copy"], ["a", "b"])

    assert result.messages == (*(str(number) for number in range(982, 1001)), "null")
