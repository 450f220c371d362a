import pytest

from seldon_core.storage.errors import ExitCode, StorageError
from seldon_core.storage.listing import Entry, model_files, nearest, parse_line

# A line of `rclone lsjson --recursive --hash` against MinIO.
LINE = (
    '{"Path":"nested/model.joblib","Name":"model.joblib","Size":1500,"MimeType":"application/octet-stream",'
    '"ModTime":"2026-11-21T05:07:41.721000000Z","IsDir":false,"Hashes":{"md5":"82f32869522cd60903838042940a45d4"}},\n'
)


def test_lines_of_a_listing() -> None:
    assert parse_line("[\n") is None
    assert parse_line("]\n") is None
    assert parse_line("\n") is None
    assert parse_line(LINE) == Entry("nested/model.joblib", 1500, False, (("md5", "82f32869522cd60903838042940a45d4"),))
    assert parse_line('{"Path":"x","Size":-1,"IsDir":true}') == Entry("x", -1, folder=True)


def test_files_of_a_model_without_folders_and_our_own_files() -> None:
    entries = [
        Entry("b", 1),
        Entry("a", 0),
        Entry("sub", -1, folder=True),
        Entry("sub/c", 2),
        Entry(".seldon-model.json", 5),
        Entry(".seldon-model.part/x", 5),
    ]

    assert [file.path for file in model_files(entries, "s3://b")] == ["a", "b", "sub/c"]


@pytest.mark.parametrize("path", ["../x", "a/../x", "a/\uff0e\uff0e/x", "\uff0e/x", "/etc", "a//b", "./a", "a/..", ""])
def test_keys_that_leave_the_folder(path: str) -> None:
    with pytest.raises(StorageError, match="leaves the model's folder") as raised:
        model_files([Entry(path, 1)], "s3://b")

    assert raised.value.code is ExitCode.BAD_URI


@pytest.mark.parametrize(
    ("wanted", "names", "expected"),
    [
        ("irsi", ["iris/", "wine/", "zoo"], ("iris/",)),
        ("sklaern", ["mymodel", "sklearn"], ("sklearn",)),
        ("qqq", ["d", "c", "b", "a"], ("a", "b", "c")),
        ("x", [], ()),
    ],
)
def test_nearest(wanted: str, names: list[str], expected: tuple[str, ...]) -> None:
    assert nearest(wanted, names) == expected
