"""From an answer of HTTP to data."""

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.meraki.responses import TooBig, error_texts, parse_json, read_body


class Blocks(httpx.AsyncByteStream):
    """A body in blocks, which counts how many were taken."""

    def __init__(self, block: bytes, count: int) -> None:
        self.block, self.count, self.taken = block, count, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The blocks."""
        for _ in range(self.count):
            self.taken += 1
            yield self.block


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
        (b"9" * 5_000, "valid JSON"),
    ],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_not_read(body: bytes, why: str) -> None:
    """And the message does not repeat what came."""
    with pytest.raises(ValueError, match=why) as fault:
        parse_json(body, "application/json")
    assert "secret" not in str(fault.value)


def test_another_type_of_content_is_not_read_even_if_it_looks_like_json() -> None:
    """A gateway's page is no answer of the API."""
    with pytest.raises(ValueError, match="not JSON but text/html"):
        parse_json(b"[]", "text/html; charset=utf-8")
    assert parse_json(b"[]", "") == []
    assert parse_json(b"[]", "application/problem+json") == []


async def test_a_body_that_announces_too_much_is_not_read_at_all() -> None:
    """50 MB are refused by their header."""
    stream = Blocks(b" " * 1_000, 50_000)
    response = httpx.Response(200, headers={"content-length": "50000000"}, stream=stream)
    with pytest.raises(TooBig):
        await read_body(response, 10_000_000)
    assert stream.taken == 0


async def test_a_body_that_announces_nothing_is_read_up_to_the_limit() -> None:
    """And no further."""
    stream = Blocks(b" " * 1_000, 50_000)
    with pytest.raises(TooBig):
        await read_body(httpx.Response(200, stream=stream), 10_000)
    assert stream.taken == 11


async def test_the_limit_counts_what_comes_out_of_the_compression() -> None:
    """A small body that unpacks to a large one is refused."""
    packed = gzip.compress(b" " * 5_000_000)
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Blocks(packed, 1))
    with pytest.raises(TooBig):
        await read_body(response, 1_000_000)


async def test_a_body_at_the_limit_is_read() -> None:
    """The bound itself is allowed."""
    assert len(await read_body(httpx.Response(200, stream=Blocks(b"ab", 5)), 10)) == 10


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
