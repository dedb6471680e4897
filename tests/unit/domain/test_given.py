"""What a refusal may show of a value, and what no argument can be."""

from mcp_server.domain.call import Json
from mcp_server.domain.given import DEEPEST, is_deep


def _nested(levels: int) -> Json:
    value: Json = 1
    for level in range(levels):
        value = [value, 2] if level % 2 else {"a": value, "b": {}}
    return value


def test_what_is_nested_as_deep_as_is_said_is_not_too_deep() -> None:
    """One level more is."""
    assert not is_deep(_nested(DEEPEST))
    assert is_deep(_nested(DEEPEST + 1))
    assert not is_deep("x")
