"""The tree of errors."""

import pytest

from mcp_server.errors import AccessError, MerakiError, MerakiMcpError, StoreError, StoreUnavailable


@pytest.mark.parametrize("abstract", [MerakiMcpError, AccessError, MerakiError, StoreError])
def test_an_abstract_error_cannot_be_made(abstract: type[MerakiMcpError]) -> None:
    """It says nothing that anybody could act on."""
    with pytest.raises(TypeError, match="abstract"):
        abstract("x")
    assert StoreUnavailable("x").code == "store_unavailable"
