"""From an answer of HTTP to data."""

import gzip
import json
from collections.abc import AsyncIterator, Mapping

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.given import DEEPEST
from mcp_server.meraki.responses import TooBig, error_texts, headers_of, parse_json, read_body


class Blocks:
    """A body in blocks, which counts how many were taken."""

    def __init__(self, block: bytes, count: int) -> None:
        self.block, self.count, self.taken = block, count, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The blocks."""
        for _ in range(self.count):
            self.taken += 1
            yield self.block


class Slices:
    """A body byte by byte."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Each byte."""
        for number in self.body:
            yield bytes([number])


async def body_of(blocks: Blocks, limit_bytes: int, headers: Mapping[str, str] | None = None) -> bytes:
    """The body of an answer with these headers."""
    response = httpcore2.Response(200, headers=[*(headers or {}).items()], content=blocks)
    return await read_body(response, headers_of(response), limit_bytes)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"", None), (b"  \n", None), (b"null", None), (b"[]", []), (b'\xef\xbb\xbf{"a": 1.5}', {"a": 1.5}),
        ('{"n": "caf\u00e9 \\ud83d\\ude00"}'.encode(), {"n": "caf\u00e9 \U0001f600"}), (b'"x"', "x"),
    ],
)  # fmt: skip
def test_json_is_read(body: bytes, data: object) -> None:
    """204 and empty bodies are None."""
    assert parse_json(body, "application/json; charset=utf-8") == data


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>secret</html>", "valid JSON"), (b'{"a": 1, "a": 2}', "twice"), (b'[{"x": {"a": 1, "a": 1}}]', "twice"),
        (b"[NaN]", "NaN"), (b"[-Infinity]", "NaN"), (b"[1e999]", "large"), (b'{"a": 1', "valid JSON"),
        (b"\xff\xfe", "UTF-8"), (b'["\\ud800"]', "UTF-8"), (b"[" * 100_000, "deep"), (b"[1] [2]", "valid JSON"),
        (b"9" * 5_000, "valid JSON"), (b'{"a":' * 102 + b"1" + b"}" * 102, "deep"), (b"[" * 300 + b"]" * 300, "deep"),
    ],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_not_read(body: bytes, why: str) -> None:
    """And the message does not repeat what came."""
    with pytest.raises(ValueError, match=why) as fault:
        parse_json(body, "application/json")
    assert "secret" not in str(fault.value)


def test_many_brackets_are_not_yet_deep() -> None:
    """A long list, a text that is full of them, and what is just as deep as a call's own arguments may be."""
    bodies = [b"[" + b"{}," * 500 + b"{}]", b'["' + b"[{" * 500 + b'"]', b"[" * DEEPEST + b"1" + b"]" * DEEPEST]
    assert [parse_json(body, "application/json") for body in bodies] == [json.loads(body) for body in bodies]


def test_another_type_of_content_is_not_read_even_if_it_looks_like_json() -> None:
    """A gateway's page is no answer of the API."""
    with pytest.raises(ValueError, match="not JSON but text/html"):
        parse_json(b"[]", "text/html; charset=utf-8")
    assert parse_json(b"[]", "") == []
    assert parse_json(b"[]", "application/problem+json") == []


async def test_a_body_that_announces_too_much_is_not_read_at_all() -> None:
    """50 MB are refused by their header."""
    stream = Blocks(b" " * 1_000, 50_000)
    with pytest.raises(TooBig):
        await body_of(stream, 10_000_000, {"Content-Length": "50000000"})
    assert stream.taken == 0


async def test_a_body_that_announces_nothing_is_read_up_to_the_limit() -> None:
    """And no further."""
    stream = Blocks(b" " * 1_000, 50_000)
    with pytest.raises(TooBig):
        await body_of(stream, 10_000)
    assert stream.taken == 11


async def test_the_limit_counts_what_comes_out_of_the_compression() -> None:
    """A small body that unpacks to a large one is refused."""
    packed = gzip.compress(b" " * 5_000_000)
    with pytest.raises(TooBig):
        await body_of(Blocks(packed, 1), 1_000_000, {"Content-Encoding": "gzip"})


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_packed_body_is_unpacked_up_to_the_limit_itself(encoding: str) -> None:
    """Also one that comes byte by byte."""
    packed = gzip.compress(b'{"a": 1}' * 100)
    whole = httpcore2.Response(200, headers={"Content-Encoding": encoding}, content=Slices(packed))
    assert await read_body(whole, headers_of(whole), 800) == b'{"a": 1}' * 100


@pytest.mark.parametrize(
    ("encoding", "body", "why"),
    [
        ("gzip", b"no gzip", "broken"),
        ("br", b"[]", "compressed as br"),
        ("gzip, gzip", b"", "compressed as gzip, gzip"),
    ],
)
async def test_a_compression_that_cannot_be_undone_is_told(encoding: str, body: bytes, why: str) -> None:
    """A broken one, and one that was not asked for."""
    with pytest.raises(ValueError, match=why):
        await body_of(Blocks(body, 1), 100, {"Content-Encoding": encoding})


def test_a_header_that_comes_twice_is_one_list_whatever_its_case() -> None:
    """As Link may."""
    response = httpcore2.Response(200, headers=[("Link", "<a>; rel=first"), ("link", "<b>; rel=next"), ("X", "y")])
    assert headers_of(response) == {"link": "<a>; rel=first, <b>; rel=next", "x": "y"}


async def test_a_body_at_the_limit_is_read() -> None:
    """The bound itself is allowed."""
    assert len(await body_of(Blocks(b"ab", 5), 10)) == 10


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b'{"errors": ["a", "b"]}', ("a", "b")), (b'{"errors": "a"}', ("a",)), (b'{"error": "a"}', ("a",)),
        (b'{"message": "m"}', ("m",)), (b'["a", 1, null, ""]', ("a",)), (b"<html>", ()), (b"", ()), (b"{}", ()),
        (b"\xff", ()), (b'{"errors": {"a": 1}}', ()),
    ],
)  # fmt: skip
def test_the_texts_of_an_error_are_found(body: bytes, texts: tuple[str, ...]) -> None:
    """In each form in which they come."""
    assert error_texts(body, ()) == texts


def test_error_texts_are_cleaned_capped_and_show_no_secret() -> None:
    """They are untrusted, and may repeat what was sent."""
    long = ["x" * 10_000, "line\n\u202ebidi", "psk 'hunter22-hunter22' is too weak"] + ["t"] * 50
    texts = error_texts(json.dumps({"errors": long}).encode(), {"hunter22-hunter22"})
    assert len(texts) == 10
    assert len(texts[0]) == 500
    assert "\n" not in texts[1]
    assert "\u202e" not in texts[1]
    assert "hunter22" not in texts[2]


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    """Data or a ValueError, nothing else."""
    error_texts(body, ())
    try:
        parse_json(body, "")
    except ValueError:
        return


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_can_say_comes_back_unchanged(data: object) -> None:
    """Strictness costs nothing that is valid."""
    assert parse_json(json.dumps(data, ensure_ascii=False).encode(), "application/json") == data
