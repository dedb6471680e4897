"""Requests whose id is none: told apart from those with one and from notifications."""

import json
import math
from typing import Any, Final

import pytest

from mcp_server.transport.unanswerable import is_unanswerable

ODD: Final = [None, True, False, 1.5, 1.0, 1e9, -0.0, math.nan, math.inf, -math.inf, [], {}, [1], {"id": 1}]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_request_whose_id_is_no_id_is_found(odd: Any) -> None:
    """However it is written down."""
    message = {"jsonrpc": "2.0", "id": odd, "method": "tools/list", "params": {"id": 1}}
    assert is_unanswerable(json.dumps(message))
    assert is_unanswerable(json.dumps(message, separators=(",", ":")))
    assert is_unanswerable(json.dumps(message, indent=1))


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        '{"jsonrpc":"2.0","id":"1.5","method":"ping","params":{"id":null}}',
        '{"jsonrpc":"2.0","id":-7,"method":"ping","params":{"id":1.5}}',
        '{"jsonrpc":"2.0","method":"ping","params":{"id":{}}}',
        '{"jsonrpc":"2.0","id":null,"method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"theirs"}}',
        '{"jsonrpc":"2.0","id":null,"method":5}',
        '[{"jsonrpc":"2.0","id":null,"method":"ping"}]',
        '{"id":null',
        '{"id":null,"x":' + "[" * 3_000,
        "",
    ],
)
def test_anything_else_is_left_as_it_is(text: str) -> None:
    """Answers, notifications that carry an id, and what somebody else refuses."""
    assert not is_unanswerable(text)
