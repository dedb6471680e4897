"""From a request of ours to one of HTTP."""

import json
from collections.abc import AsyncIterable
from typing import Any, cast

import httpcore2
import pytest

from mcp_server.domain.ports import Request
from mcp_server.meraki.hosts import Address, base_address
from mcp_server.meraki.requests import Endpoint, checked_path, http_request, query_pairs, secrets_of, where

CLOUD = Endpoint(base_address("https://api.meraki.com"), "the-key")


def built(request: Request, endpoint: Endpoint = CLOUD) -> httpcore2.Request:
    """The HTTP request of it."""
    return http_request(endpoint, request, query_pairs(request.query), {})


def address_of(request: httpcore2.Request) -> str:
    """Where it goes."""
    return f"{request.url.origin}{request.url.target.decode()}"


def header(request: httpcore2.Request, name: str) -> str | None:
    """The value of one header."""
    return {key.decode().lower(): value.decode() for key, value in request.headers}.get(name)


async def content(request: httpcore2.Request) -> bytes:
    """What it carries."""
    return b"".join([part async for part in cast("AsyncIterable[bytes]", request.stream)])


def test_lists_booleans_and_objects_are_written_as_the_api_reads_them() -> None:
    """``name[]`` for lists, true and false in lower case, nothing for None."""
    query = {"a": [1, "x y"], "b[]": ["1"], "c": True, "d": None, "e": {"f": 2}, "g": 0, "h": ""}
    assert query_pairs(query) == [
        ("a[]", "1"), ("a[]", "x y"), ("b[]", "1"), ("c", "true"), ("e[f]", "2"), ("g", "0"), ("h", ""),
    ]  # fmt: skip


async def test_a_request_has_the_key_the_address_and_no_body_of_its_own() -> None:
    """A GET as it leaves."""
    request = built(Request("GET", "/networks/N_1/clients", {"perPage": 3, "q": "a&b=c"}))
    assert address_of(request) == "https://api.meraki.com:443/api/v1/networks/N_1/clients?perPage=3&q=a%26b%3Dc"
    assert header(request, "host") == "api.meraki.com"
    assert header(request, "authorization") == "Bearer the-key"
    assert header(request, "content-length") is None
    assert await content(request) == b""


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_write_without_a_body_says_so(method: str) -> None:
    """Servers may ask for the length of one that could have a body (RFC 9110, 8.6)."""
    assert header(built(Request(method, "/networks/N_1/x")), "content-length") == "0"


@pytest.mark.parametrize("body", [{}, [], {"name": "caf\u00e9", "vlan": 1, "none": None}, 0, False])
async def test_a_body_is_sent_as_given_also_an_empty_one(body: Any) -> None:
    """An empty list or object is meaningful to the API (Terraform provider #128)."""
    request = built(Request("PUT", "/networks/N_1", body=body))
    sent = await content(request)
    assert json.loads(sent) == body
    assert header(request, "content-type") == "application/json"
    assert header(request, "content-length") == str(len(sent))


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": float("inf")}])
def test_a_number_that_json_does_not_have_is_refused(body: Any) -> None:
    """NaN is nothing that the API could store."""
    with pytest.raises(ValueError, match="JSON"):
        built(Request("PUT", "/networks/N_1", body=body))


@pytest.mark.parametrize(
    "address",
    [
        Address("http", "api.meraki.com", None, "api.meraki.com"),
        Address("https", "evil.test", None, "evil.test"),
        Address("http", "127.0.0.1", 80, "127.0.0.1:80"),
    ],
)
def test_the_key_is_not_attached_for_any_other_address(address: Address) -> None:
    """Even if such an address got as far as here."""
    assert header(built(Request("GET", "/organizations"), Endpoint(address, "the-key")), "authorization") is None


@pytest.mark.parametrize(
    "path",
    [
        "", "organizations", "/", "//evil.test", "/a//b", "/a/../b", "/a/%2e%2e/b", "/a/..%2f..%2fb", "/a/.", "/a b",
        "/a?b=1",
        "/a#b", "/a\n", "/networks/{networkId}", "/networks/{step-1.id}", "/a\\..\\b", "/a/%5c..%5c..", "/a/%zz",
        "/caf\u00e9",
        "/a/", "https://evil.test/a", "/@evil.test/..", "/a/%2E",
    ],
)  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    """Path parameters come from outside."""
    with pytest.raises(ValueError, match="path"):
        checked_path(path)


@pytest.mark.parametrize(
    "path", ["/organizations", "/devices/Q2AB-CDEF-GHIJ/switch/ports/1_MOD%2F1", "/networks/L_1/a:b"]
)
def test_a_plain_path_stays_as_it_is(path: str) -> None:
    """Quoted characters too."""
    assert built(Request("GET", path)).url.target.decode() == f"/api/v1{path}"


def test_an_unknown_method_is_refused() -> None:
    """Only what the API has."""
    with pytest.raises(ValueError, match="method"):
        built(Request("PATCH", "/networks/N_1"))


def test_secrets_of_a_body_are_found_by_the_names_of_their_fields() -> None:
    """At any depth."""
    body = {"psk": "abc", "radiusServers": [{"host": "h", "secret": "def"}], "name": "n", "password": None}
    assert secrets_of(body) == {"abc", "def"}
    assert secrets_of(None) == frozenset()


def test_the_name_of_a_request_has_no_query_and_an_end() -> None:
    """Fit for logs."""
    assert where(Request("GET", "/a", {"q": "x"})) == "GET /a"
    assert len(where(Request("GET", "/a" * 1_000))) == 300


def test_the_key_is_not_shown_by_repr() -> None:
    """Nor by anything that prints the endpoint."""
    assert "the-key" not in repr(CLOUD)
