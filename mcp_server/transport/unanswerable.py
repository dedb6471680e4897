"""Requests that nobody could answer, because their id is none.

The SDK takes a request whose id is null, a fraction, NaN, a list or an object for a notification: it is dropped without
a word, and whoever sent it waits for ever (mcp 2.3.0, jsonrpc.py). The protocol wants a text or a whole number.
"""

import json
import re
from typing import Final

FAULT: Final = "This is no JSON-RPC 2.0 message: jsonrpc, id (text or whole number) and method are needed."
_SUSPECT: Final = re.compile(r'"id"\s*:\s*(?:[ntfNI\[{]|-I|-?\d+[.eE])')


def is_unanswerable(text: str) -> bool:
    """Whether the text is a request with an id that is no id. A notification may carry one: it asks for no answer."""
    if not _SUSPECT.search(text):
        return False
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(message, dict) or "id" not in message or not isinstance(message.get("method"), str):
        return False
    is_id = isinstance(message["id"], str) or type(message["id"]) is int
    return not is_id and not message["method"].startswith("notifications/")
