"""Secret values that the process knows are masked whatever field they stand in."""

import base64
import json
from urllib.parse import quote

import pytest

from mcp_server.domain.redaction import MASK, MOST_LEARNED, KnownSecrets, holds_secret, masked

SECRET = "senha/da rede+1"


@pytest.mark.parametrize(
    "shown",
    [SECRET, quote(SECRET), quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode(), json.dumps(SECRET)],
)
def test_a_secret_is_found_in_each_of_its_forms(shown: str) -> None:
    """Plain, URL-encoded, base64 and JSON; and what holds none is given back as it is."""
    known = KnownSecrets([SECRET])
    value = {"note": f"see {shown} there"}
    safe = masked(value, json.dumps(value), known.values())
    assert SECRET not in str(safe)
    assert shown not in str(safe)
    other = {"note": "nothing here", "psk": "not judged by its name here"}
    assert masked(other, json.dumps(other), known.values()) is other
    assert holds_secret(f"see {shown} there", [SECRET])
    assert not holds_secret("nothing here", [SECRET])


def test_a_short_secret_is_left_to_the_names_of_fields() -> None:
    """As a word it would blind whole answers."""
    known = KnownSecrets(["public"])
    value = {"publicIp": "198.51.100.7", "note": "public"}
    assert masked(value, json.dumps(value), known.values()) is value
    assert known.values() == frozenset()


def test_secrets_are_learned_told_on_and_bounded() -> None:
    """The newest stay; those given at the start and those kept elsewhere always do."""
    kept: list[str] = ["kept-secret-1"]
    told: list[str] = []
    known = KnownSecrets(["given-secret-1"], lambda: kept, told.append)
    for number in range(MOST_LEARNED + 5):
        known.learn(f"learned-{number:05d}")
    assert told[0] == "learned-00000"
    assert len(known.values()) == MOST_LEARNED + 2
    assert {"given-secret-1", "kept-secret-1", f"learned-{MOST_LEARNED + 4:05d}"} <= known.values()
    kept.append("kept-secret-2")
    assert "kept-secret-2" in known.values()
    assert masked({"a": "kept-secret-2"}, "kept-secret-2", known.values()) == {"a": MASK}
