from seldon_core.storage.redact import one_line, redact


def test_values_and_credentials_in_urls() -> None:
    assert redact("key hunter22 and hunter2", ["hunter2", "hunter22", "abc"]) == "key *** and ***"
    assert redact("http://user:pw@minio:9000/x") == "http://***@minio:9000/x"
    assert (
        redact("https://a.blob.core.windows.net/c?sv=1&sig=abc%3D&x=1")
        == "https://a.blob.core.windows.net/c?sv=1&sig=***&x=1"
    )
    assert (
        redact("GET /x?X-Amz-Signature=abc&X-Amz-Credential=def") == "GET /x?X-Amz-Signature=***&X-Amz-Credential=***"
    )


def test_short_values_do_not_blank_out_words() -> None:
    assert redact("an apple", ["an", ""]) == "an apple"


def test_one_line() -> None:
    assert one_line("a\n b\0c\t d") == "a b c d"
    assert one_line("x" * 500, 10) == "xxxxxxx..."
