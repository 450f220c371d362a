"""Google Cloud Storage, Azure Blob Storage and web servers: styles of credentials, shapes of a model, failures."""

import hashlib

import pytest

from seldon_core.storage.errors import ExitCode
from tests.integration.storage import web
from tests.integration.storage.local import IRIS, Fetcher
from tests.integration.storage.places import AZURE_ACCOUNT, Azure, Env, Google

GOOGLE = ("anonymous", "json key", "rclone", "workload identity")
AZURE = ("key", "sas", "connection string", "rclone", "rclone sas")
CLOUDS = [*(("google", style) for style in GOOGLE), *(("azure", style) for style in AZURE)]
ROOT = {"model.joblib": b"root model"}


@pytest.fixture
def place(request: pytest.FixtureRequest) -> tuple[str, Env]:
    """The scheme and the environment of one style of one cloud."""
    cloud, style = request.param
    found: tuple[str, Env] = request.getfixturevalue(cloud).styles()[style]
    return found


every = pytest.mark.parametrize("place", CLOUDS, indirect=True, ids=lambda pair: "-".join(pair).replace(" ", "-"))
one_of_each = pytest.mark.parametrize("place", [("google", "anonymous"), ("azure", "key")], indirect=True)


@every
def test_a_folder(fetcher: Fetcher, place: tuple[str, Env]) -> None:
    """Also: nested folders, an empty file, odd names, and no file of the sibling `iris2`."""
    scheme, env = place

    outcome = fetcher.run(f"{scheme}://sklearn/iris", env)

    outcome.assert_whole()
    assert "the store has no digest" not in outcome.output


@one_of_each
def test_a_root_and_a_single_file(fetcher: Fetcher, place: tuple[str, Env]) -> None:
    scheme, env = place

    fetcher.run(f"{scheme}://mymodel", env).assert_whole(ROOT)
    fetcher.run(f"{scheme}://sklearn/iris/nested/deep/weights.bin", env).assert_whole({"weights.bin": b"weights"})


@every
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("sklearn/irsi", "nearest: iris/, iris2/; correct modelUri"),
        ("sklaern/iris", 'there is no bucket "sklaern"'),
    ],
)
def test_nothing_there(fetcher: Fetcher, place: tuple[str, Env], path: str, text: str) -> None:
    scheme, env = place

    fetcher.run(f"{scheme}://{path}", env).assert_told(ExitCode.NOT_FOUND, text)


def test_an_azure_address_of_kfserving(fetcher: Fetcher, azure: Azure) -> None:
    _, env = azure.styles()["key"]

    fetcher.run(f"https://{AZURE_ACCOUNT}.blob.core.windows.net/sklearn/iris", env).assert_whole()


@pytest.mark.parametrize(
    ("style", "change", "text"),
    [
        ("key", {"AZURE_STORAGE_ACCESS_KEY": "d3Jvbmc="}, "correct AZURE_STORAGE_ACCESS_KEY"),
        ("sas", {"AZURE_STORAGE_SAS_TOKEN": "sv=2021-12-02&sp=rl&sig=d3Jvbmc="}, "correct AZURE_STORAGE_SAS_TOKEN"),
        ("rclone", {"RCLONE_CONFIG_AZ_KEY": "d3Jvbmc="}, "correct RCLONE_CONFIG_AZ_* in the secret"),
        ("key", {"AZURE_STORAGE_ACCESS_KEY": ""}, "no credentials were given"),
    ],
)
def test_azure_refuses(fetcher: Fetcher, azure: Azure, style: str, change: Env, text: str) -> None:
    scheme, env = azure.styles()[style]

    fetcher.run(f"{scheme}://sklearn/iris", env | change).assert_told(ExitCode.AUTH, text)


def test_google_refuses_a_strangers_key(fetcher: Fetcher, google: Google) -> None:
    scheme, env = google.styles()["json key"]
    with web.serve(lambda _: web.Answer(400, b'{"error":"invalid_grant"}')) as elsewhere:
        strange = google.key.replace(google.tokens, elsewhere)
        outcome = fetcher.run(f"{scheme}://sklearn/iris", env | {"GOOGLE_APPLICATION_CREDENTIALS": strange})

    outcome.assert_told(ExitCode.AUTH, "correct GOOGLE_APPLICATION_CREDENTIALS")


def test_google_refuses_the_anonymous(fetcher: Fetcher, google: Google) -> None:
    with web.serve(lambda _: web.Answer(404)) as metadata:
        env = {"STORAGE_EMULATOR_HOST": google.gate, "GCE_METADATA_HOST": metadata.removeprefix("http://")}
        outcome = fetcher.run("gs://sklearn/iris", env)

    outcome.assert_told(
        ExitCode.AUTH, "no credentials were given: set envSecretRefName to a secret with RCLONE_CONFIG_GS_"
    )


@one_of_each
def test_a_byte_that_was_changed_on_the_way(fetcher: Fetcher, place: tuple[str, Env]) -> None:
    scheme, env = place
    name, endpoint = next((k, v) for k, v in env.items() if "HOST" in k or "ENDPOINT" in k)
    origin, _, rest = endpoint.removeprefix("http://").partition("/")
    with web.serve(web.faulty(f"http://{origin}", "model.joblib", web.flip)) as proxy:
        outcome = fetcher.run(f"{scheme}://sklearn/iris", env | {name: f"{proxy}/{rest}".rstrip("/")})

    outcome.assert_told(ExitCode.DIGEST, "model.joblib of ")


def hosts(url: str) -> Env:
    """The loopback is refused unless the secret names it."""
    return {"SELDON_STORAGE_HTTP_HOSTS": "127.0.0.1"} if url else {}


@pytest.mark.parametrize("end", ["/", ""])
def test_a_folder_of_a_web_server(fetcher: Fetcher, website: str, end: str) -> None:
    outcome = fetcher.run(f"{website}/sklearn/iris{end}", hosts(website))

    outcome.assert_whole()
    assert "the store has no digest that can be checked of 4 of 5 files" in outcome.output


def test_a_file_of_a_web_server(fetcher: Fetcher, website: str) -> None:
    uri = f"{website}/sklearn/iris/nested/with%20space%20%26%20%C3%BCn%C3%AFcode.txt"

    fetcher.run(uri, hosts(website)).assert_whole({"with space & ünïcode.txt": b"odd name"})


def test_a_remote_of_type_http_with_headers(fetcher: Fetcher, website: str) -> None:
    through = web.forward(website)

    def gate(request: web.Request) -> web.Answer:
        return through(request) if request.headers.get("X-Token") == "hunter22" else web.Answer(403)

    with web.serve(gate) as url:
        remote = {"RCLONE_CONFIG_WEB_TYPE": "http", "RCLONE_CONFIG_WEB_URL": url}
        fetcher.run("web:sklearn/iris/", remote | {"RCLONE_CONFIG_WEB_HEADERS": "X-Token,hunter22"}).assert_whole()
        (fetcher.destination / ".seldon-model.json").unlink()
        denied = fetcher.run("web:sklearn/iris2/", remote | {"RCLONE_CONFIG_WEB_HEADERS": "X-Token,wrong-token"})

    assert denied.status == ExitCode.AUTH
    assert "the store refuses these keys: correct RCLONE_CONFIG_WEB_* in the secret" in denied.message


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/sklearn/irsi/", ExitCode.NOT_FOUND, "nearest: iris/, iris2/; correct modelUri"),
        ("/sklearn/iris/modell.joblib", ExitCode.NOT_FOUND, "there is nothing at "),
        ("/sklearn/iris/?token=x", ExitCode.BAD_URI, "carries a query"),
    ],
)
def test_a_web_server_without_the_model(fetcher: Fetcher, website: str, path: str, code: ExitCode, text: str) -> None:
    fetcher.run(f"{website}{path}", hosts(website)).assert_told(code, text)


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (web.Answer(403), ExitCode.AUTH, "a remote of the server: RCLONE_CONFIG_<REMOTE>_TYPE=http"),
        (web.Answer(503), ExitCode.NETWORK, "it reports an error of its own"),
        (web.Answer(302, headers={"Location": "/again"}), ExitCode.NETWORK, "it redirects: correct modelUri"),
        (
            web.Answer(200, b"<html>no links</html>", {"Content-Type": "text/html"}),
            ExitCode.NOT_FOUND,
            "shows no files: end modelUri with a slash",
        ),
    ],
)
def test_web_servers_that_do_not_serve(fetcher: Fetcher, answer: web.Answer, code: ExitCode, text: str) -> None:
    with web.serve(lambda _: answer) as url:
        fetcher.run(f"{url}/model/", hosts(url)).assert_told(code, text)


def test_a_web_server_that_is_not_there(fetcher: Fetcher) -> None:
    fetcher.run("http://127.0.0.1:1/model/", hosts("x")).assert_told(ExitCode.NETWORK, "it refuses connections")


def test_an_address_inside_of_the_node(fetcher: Fetcher, website: str) -> None:
    outcome = fetcher.run(f"{website}/sklearn/iris/", {})

    outcome.assert_told(ExitCode.BAD_URI, "is an address inside of the node or the cluster's control plane")


def test_a_web_servers_files_are_held_against_sums(fetcher: Fetcher, website: str) -> None:
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in IRIS.items()).encode()
    through = web.forward(website)
    index = b"".join(b'<a href="%s">x</a>' % path.encode() for path in ("model.joblib", "metadata.yaml", "empty"))

    def flipped(request: web.Request) -> web.Answer:
        if request.path == "/m/":
            return web.Answer(200, index + b'<a href="SHA256SUMS">x</a>', {"Content-Type": "text/html"})
        if request.path == "/m/SHA256SUMS":
            return web.Answer(200, b"\n".join(line for line in sums.splitlines() if b"nested" not in line) + b"\n")
        answer = through(web.Request(request.method, request.path.replace("/m/", "/sklearn/iris/"), {}, b""))
        return web.flip(answer) if request.method == "GET" and request.path.endswith("model.joblib") else answer

    with web.serve(flipped) as url:
        outcome = fetcher.run(f"{url}/m/", hosts(url))

    outcome.assert_told(ExitCode.DIGEST, "and SHA256SUMS says ")
