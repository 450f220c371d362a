"""The executor's documentation paths: what they show is what is served."""

import json

import pytest
import yaml

from seldon_core.executor import docs, openapi
from seldon_core.executor.settings import parse
from tests.unit.executor.stand import TRANSCRIPTS, Node, decoded, executor, settings, unit

pytestmark = pytest.mark.asyncio
SETTINGS = parse(["--sdep", "m", "--namespace", "ns", "--predictor", "p", "--prometheus_path", "/prometheus"], {})


@pytest.mark.parametrize("folder", ["/api/v1.0/doc/", "/api/v0.1/doc/"])
async def test_the_seldon_protocol_s_document_and_its_page(folder: str) -> None:
    node = await Node().start()
    async with executor(settings(unit("c", node))) as client:
        got = await client.ask("GET", f"{folder}seldon.json")
        document = decoded(got)
        assert (got.status, got.headers.get("content-type")) == (200, "application/json")
        assert document["openapi"] == "3.0.3"
        assert document["servers"][0]["url"] == "/seldon/ns/m"
        assert got.headers.get("access-control-allow-origin") == "*"
        assert got.headers.get("seldon-puid")
        for name in ("", "index.html"):
            page = await client.ask("GET", folder + name)
            assert page.headers.get("content-type") == "text/html; charset=utf-8"
            assert b'href="seldon.json"' in page.body
            assert all(path.encode() in page.body for path in document["paths"])
        assert (await client.ask("POST", folder)).status == 405


async def test_v2_s_document() -> None:
    node = await Node().start()
    async with executor(settings(unit("c", node), "--protocol", "v2")) as client:
        got = await client.ask("GET", "/v2/docs/dataplane.yaml")
        assert got.headers.get("content-type") == "application/yaml"
        assert "/v2/models/{name}/infer" in yaml.safe_load(got.body)["paths"]
        assert (await client.ask("GET", "/api/v1.0/doc/")).status == 404
    async with executor(settings(unit("c", node), "--protocol", "tensorflow")) as client:
        assert (await client.ask("GET", "/api/v1.0/doc/")).status == 404
        assert (await client.ask("GET", "/v2/docs/")).status == 404


async def test_a_file_that_is_not_there_is_answered_as_it_was_recorded() -> None:
    if not TRANSCRIPTS.is_dir():
        pytest.skip("the recorded exchanges are not beside this checkout")
    text = (TRANSCRIPTS / "executor_single_model.txt").read_text().replace("\r\n", "\n")
    head, _, after = text.partition("engine.oas3.json</a>\n")[2].partition("\n\n")
    want = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\n")[1:])}
    async with executor(settings(unit("c", await Node().start()))) as client:
        got = await client.ask("GET", "/api/v1.0/doc/nope.json")
    mine = {name.decode().lower(): value.decode() for name, value in got.headers.raw}
    assert (got.status, got.body) == (404, (after.partition("METRICS")[0].rstrip() + "\n").encode())
    changing = {"date", "seldon-puid"}
    assert mine.keys() == want.keys()
    assert {k: v for k, v in mine.items() if k not in changing} == {k: v for k, v in want.items() if k not in changing}


@pytest.mark.parametrize("protocol", ["seldon", "v2"])
async def test_every_documented_operation_is_served_and_no_other(protocol: str) -> None:
    make = {"seldon": openapi.seldon, "v2": openapi.v2}[protocol]
    made = settings(unit("c", await Node().start()), "--protocol", protocol, "--prometheus_path", "/prometheus")
    async with executor(made) as client:
        for path, item in make(made)["paths"].items():
            for method in ("get", "post"):
                status = (await client.ask(method.upper(), path.replace("{name}", "c"), b"{}")).status
                assert (status != 405) == (method in item), (method, path)
                assert status != 404


async def test_the_page_escapes_what_it_shows() -> None:
    document = {"info": {"title": "<b>"}, "paths": {"/<i>": {"get": {"summary": "<u>", "responses": {}}}}}
    page = docs.shown(document, '"x').decode()
    assert not any(raw in page for raw in ("<b>", "<i>", "<u>", 'href=""x'))


async def test_the_documents_are_whole() -> None:
    """Each schema that is named is there."""
    for made in (openapi.seldon(SETTINGS), openapi.v2(SETTINGS)):
        text = json.dumps(made)
        assert "/prometheus" in made["paths"]
        for part in text.split('"#/components/schemas/')[1:]:
            assert part.partition('"')[0] in made["components"]["schemas"]
