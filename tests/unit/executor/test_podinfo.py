"""The downward API's file, values with every awkward character included."""

from pathlib import Path

import pytest

from seldon_core.executor import podinfo

FILE = r"""seldon.io/rest-timeout="2500"
note="a=b \"quoted\" \\ tab\t newline\n \u00e9"
prometheus.io/path="/prometheus"
broken=no quotes
"""


def test_values_keep_their_equals_signs_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "annotations"
    path.write_text(FILE)
    found = podinfo.annotations(path)
    assert found["note"] == 'a=b "quoted" \\ tab\t newline\n é'
    assert found["prometheus.io/path"] == "/prometheus"
    assert found["broken"] == "no quotes"
    assert podinfo.timeout(found, podinfo.REST_TIMEOUT) == 2.5


def test_no_file_outside_of_a_cluster(tmp_path: Path) -> None:
    assert podinfo.annotations(tmp_path / "none") == {}
    assert podinfo.timeout({}, podinfo.REST_TIMEOUT) is None


@pytest.mark.parametrize("text", ["", "0", "-5", "2.5", "fast"])
def test_a_timeout_that_is_none_is_said_in_the_log(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert podinfo.timeout({podinfo.REST_TIMEOUT: text}, podinfo.REST_TIMEOUT) is None
    assert "annotation ignored" in caplog.text
