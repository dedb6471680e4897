"""What the two packages say, read from small examples of their source, joined into rows."""

from pathlib import Path

import pytest

from mcp_server.catalogue.builder.client import ClientCall
from mcp_server.catalogue.builder.files import differences, write
from mcp_server.catalogue.builder.rows import joined
from mcp_server.catalogue.builder.sdk import SdkBatch, SdkCall, sdk_batches, sdk_calls

CALLS = """
class Networks(object):
    def __init__(self, session):
        self._session = session

    def getThings(self, networkId: str, kind: str, total_pages=1, **kwargs):
        networkId = urllib.parse.quote(str(networkId), safe="")
        resource = f"/networks/{networkId}/things"
        return self._session.get_pages(metadata, resource, params, total_pages, direction)

    def createThing(self, networkId: str, **kwargs):
        resource = f"/networks/{networkId}/things"
        return self._session.post(metadata, resource, payload)
"""
BATCHES = """
class ActionBatchNetworks(object):
    def createThing(self, networkId: str, **kwargs):
        resource = f"/networks/{networkId}/things"
        action = {"resource": resource, "operation": "create", "body": payload}
        return action
"""
TYPED = {
    "getThings": ClientCall(
        "getThings",
        query={"kind": "a|b", "tags[]": "s"},
        required=frozenset({"kind", "tags"}),
        response=[{"id": "s"}],
        wrapped_in="items",
    ),
    "createThing": ClientCall(
        "createThing",
        body={"name": "s", "size": "i"},
        required=frozenset({"name"}),
        whole_numbers={"size": [1, 2]},
    ),
}


def package(folder: Path, calls: str = CALLS, batches: str = BATCHES) -> Path:
    """A package of that source."""
    (folder / "api" / "batch").mkdir(parents=True)
    (folder / "api" / "networks.py").write_text(calls)
    (folder / "api" / "batch" / "networks.py").write_text(batches)
    return folder


def test_the_official_package_is_read_from_its_source(tmp_path: Path) -> None:
    """Method, path, what has no default, and the batch verb."""
    source = package(tmp_path)
    path = "/networks/{networkId}/things"
    assert sdk_calls(source) == {
        "getThings": SdkCall("getThings", "get", path, frozenset({"kind"})),
        "createThing": SdkCall("createThing", "post", path, frozenset()),
    }
    assert sdk_batches(source) == {"createThing": SdkBatch(path, "create")}


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        (CALLS.replace("self._session.post", "self._session.patch"), "makes the calls"),
        (CALLS.replace("resource = f", "place = f"), "has no path"),
        (CALLS.replace('f"/networks/{networkId}/things"', "path_of(networkId)"), "not a path"),
    ],
)
def test_source_that_is_not_understood_is_an_error(tmp_path: Path, calls: str, words: str) -> None:
    """A new form in a new version must not pass unseen."""
    with pytest.raises(ValueError, match=words):
        sdk_calls(package(tmp_path, calls))


def test_rows_join_both_packages(tmp_path: Path) -> None:
    """Sorted by path and method; a query parameter is required only where both say so."""
    source = package(tmp_path)
    assert joined(sdk_calls(source), sdk_batches(source), TYPED) == [
        {"id": "getThings", "m": "get", "p": "/networks/{networkId}/things", "q": ["kind", "tags[]"],
         "qt": {"kind": "a|b"}, "rq": ["kind"], "r": [{"id": "s"}], "w": "items"},
        {"id": "createThing", "m": "post", "p": "/networks/{networkId}/things", "b": {"name!": "s", "size": "i"},
         "ie": {"size": [1, 2]}, "batch": "create"},
    ]  # fmt: skip


def test_packages_that_disagree_make_no_catalogue(tmp_path: Path) -> None:
    """About which operations there are, or where a batch stands."""
    source = package(tmp_path)
    with pytest.raises(ValueError, match="only one of the packages has createThing"):
        joined(sdk_calls(source), {}, {"getThings": TYPED["getThings"]})
    with pytest.raises(ValueError, match="the batch of createThing"):
        joined(sdk_calls(source), {"createThing": SdkBatch("/networks/{networkId}", "create")}, TYPED)


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    """No time stamp, no name; and what differs is named."""
    rows = [{"id": "a", "m": "get"}, {"id": "b", "m": "get"}]
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, content in zip(folders, (rows, rows, [{"id": "b", "m": "put"}, {"id": "c"}]), strict=True):
        folder.mkdir()
        write(folder, content)
    one, two, three = folders
    assert (one / "operations.json.gz").read_bytes() == (two / "operations.json.gz").read_bytes()
    assert differences(one, two) == []
    assert differences(one, three) == ["a: only shipped", "b: differs", "c: not shipped"]
