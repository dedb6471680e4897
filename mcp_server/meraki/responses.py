"""From an answer of HTTP to data: bounded, strict JSON, or a failure.

Two rules: the body is read up to a limit and no further, whatever its headers promise; JSON that two readers could
read differently (a key given twice, NaN, a broken character) is not read at all, nor what is nested deeper than
those who walk it, write it and read it after us have room for.
"""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn

import httpcore2

from mcp_server.domain.call import Json
from mcp_server.domain.given import DEEPEST, is_deep
from mcp_server.domain.redaction import clean, redacted

ERROR_TEXTS = 10
ERROR_TEXT_LIMIT = 500  #: characters
ERROR_BODY_LIMIT = 65_536  #: bytes of a body that is no success
_BUT_OPENING = bytes(set(range(256)) - set(b"[{"))


class TooBig(ValueError):
    """The body is longer than the limit."""


def headers_of(response: httpcore2.Response) -> dict[str, str]:
    """The headers by their names in lower case; one that came several times is one list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def read_body(response: httpcore2.Response, headers: Mapping[str, str], limit_bytes: int) -> bytes:
    """The whole body, decompressed; TooBig as soon as it is known to be longer than the limit.

    ValueError when its compression is broken, or one that was not asked for.
    """
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced[:18]) > limit_bytes:
        raise TooBig(f"the answer is longer than {limit_bytes} bytes")
    gzip = _gzip(headers.get("content-encoding", ""))
    body = bytearray()
    try:
        async for chunk in response.aiter_stream():
            body += gzip.decompress(chunk, limit_bytes + 1 - len(body)) if gzip else chunk
            if len(body) > limit_bytes:
                raise TooBig(f"the answer is longer than {limit_bytes} bytes")
    except zlib.error:
        raise ValueError("the answer's compression is broken") from None
    return bytes(body)


def _gzip(encoding: str) -> "zlib._Decompress | None":
    """What unpacks a body of that Content-Encoding; None when it is not packed. Only gzip was asked for."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16)  # Python reference, zlib: 16 more means a gzip header
    raise ValueError(f"the answer is compressed as {clean(encoding, 40)}, which was not asked for")


def parse_json(body: bytes, content_type: str) -> Json:
    """The data of a success; None for an empty body. ValueError says why it cannot be read, without repeating it."""
    if not body.strip():
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise ValueError(f"the answer is not JSON but {clean(kind, 60)}")
    try:
        text = body.decode("utf-8-sig")
        data = _STRICT.decode(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeError:
        raise ValueError("the answer is not valid UTF-8") from None
    except RecursionError:
        raise ValueError("the answer is nested too deep") from None
    except _NotStrict:
        raise
    except ValueError:
        raise ValueError("the answer is not valid JSON") from None
    if len(body.translate(None, _BUT_OPENING)) > DEEPEST and is_deep(data):  # few answers hold so many brackets
        raise ValueError("the answer is nested too deep")
    return data


class _NotStrict(ValueError):
    """JSON that two readers could read differently."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _NotStrict("the answer gives a key twice")
    return result


def _no_number(_name: str) -> NoReturn:
    raise _NotStrict("the answer holds NaN or Infinity")


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _NotStrict("the answer holds a number too large")
    return value


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number, parse_float=_number)


def error_texts(body: bytes, secrets: Collection[str]) -> tuple[str, ...]:
    """The texts of an answer that is no success: cleaned, capped, known secrets masked; () when it has none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    found = data.get("errors", data.get("error", data.get("message"))) if isinstance(data, dict) else data
    texts: Iterable[Any] = found if isinstance(found, list) else [found]
    kept = [text for text in texts if isinstance(text, str) and text][:ERROR_TEXTS]
    return tuple(clean(redacted(text[: ERROR_TEXT_LIMIT * 4], secrets), ERROR_TEXT_LIMIT) for text in kept)
