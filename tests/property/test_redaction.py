"""A canary never leaks through redaction, wherever and however it stands; cleaned text is inert."""

import base64
import html
import json
import unicodedata
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mcp_server.desk.estate import compact
from mcp_server.domain.redaction import FREE_TEXT_LIMIT, MASK, clean, cleaned, inert, masked, redacted

CANARY = st.text(min_size=4, max_size=40).filter(lambda text: not set(text) <= set(MASK) and _is_encodable(text))
PLAIN = st.text(max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | PLAIN


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def forms_of(canary: str) -> list[str]:
    """The ways in which a canary may be hidden in a text."""
    raw = canary.encode()
    return [
        canary,
        f"token={canary}; path=/",
        base64.b64encode(raw).decode(),
        base64.b64encode(b"u:" + raw + b"!").decode(),
        base64.urlsafe_b64encode(b"x" + raw).decode(),
        quote(canary, safe=""),
        quote_plus(canary),
        quote(canary).lower() if canary.islower() else quote(canary),
        html.escape(canary),
        json.dumps({"p": canary}),
        raw.hex(),
    ]


@st.composite
def hidden(draw: st.DrawFn) -> tuple[str, Any]:
    """A canary, and a nested value that holds it in keys, in values, encoded."""
    canary = draw(CANARY)
    leaf = SCALARS | st.sampled_from(forms_of(canary))
    keys = PLAIN | st.sampled_from([canary, f"x{canary}y"])
    value = draw(
        st.recursive(leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))
    )
    return canary, [value, draw(st.sampled_from(forms_of(canary)))]


def texts_in(value: Any) -> list[str]:
    """Every text of a value, keys too."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts_in(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value] if isinstance(value, str) else []  # numbers and words of JSON are no texts


@given(hidden(), st.booleans())
@example(case=('00"\x1f', "00&quot;\x1f"), is_ascii=False)
@example(case=('00"\x1f', "00%22\x1f"), is_ascii=True)
@example(case=('00"\x1f', "\\ 00%22\x1f"), is_ascii=True)
def test_what_is_looked_for_in_the_json_of_a_value_is_found_wherever_it_stands_in_it(
    case: tuple[str, Any], is_ascii: bool
) -> None:
    """A value in whose JSON no secret is found is one in which none had to be masked."""
    canary, value = case
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert masked(value, text, [canary]) == redacted(value, [canary])


@given(hidden())
def test_a_known_canary_never_leaks(case: tuple[str, Any]) -> None:
    """Not as it is, not in base64, hexadecimal, URL, HTML or JSON form; not in a key."""
    canary, value = case
    raw = canary.encode()
    for text in texts_in(redacted(value, [canary])):
        for reading in (text, unquote(text), unquote_plus(text), html.unescape(text)):
            assert canary not in reading
        assert raw.hex() not in text
        assert base64.b64encode(raw).decode().rstrip("=")[:-1] not in text or len(raw) < 4


@given(
    CANARY,
    st.sampled_from(["psk", "secret", "sharedSecret", "passphrase", "password", "communityString", "apiKey"]),
    st.data(),
)
def test_an_unknown_canary_under_a_secret_name_never_leaks(canary: str, name: str, data: st.DataObject) -> None:
    """Nothing needs to be known of a secret whose field says that it is one."""
    assume(canary not in MASK and canary not in name)
    wrapped: Any = {name: data.draw(st.sampled_from([canary, [canary], {"value": canary}, [{"v": [canary]}]]))}
    for _ in range(data.draw(st.integers(0, 3))):
        wrapped = data.draw(st.sampled_from([[wrapped], {"outer": wrapped}]))
    values = [text for text in texts_in(redacted(wrapped)) if text not in (name, "outer", "value", "v")]
    assert values == [MASK] * len(values)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(PLAIN, inner)))
def test_redaction_without_secrets_changes_nothing_but_secret_fields(value: Any) -> None:
    """It is no filter for ordinary data, and doing it twice is doing it once."""
    once = redacted(value)
    assert redacted(once) == once


@given(st.text(max_size=400), st.integers(1, 300))
def test_cleaned_text_is_inert_short_and_stays_as_it_is(text: str, limit: int) -> None:
    """No unseen character is left, it is never longer than the limit, and cleaning twice is cleaning once."""
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in shown)
    assert clean(shown, limit) == shown
    assert cleaned([text], limit) == [shown]


_NAMES = st.sampled_from([
    "name", "psk", ":psk", "shared_secret", "SECRET", "key", "Key", "api", "path", "field", "before", "$secret", "$ref",
    "", ":", '":', '"psk":', "a\\", "\u115f", "x" * (FREE_TEXT_LIMIT + 1), "bearer abcdefgh1", ",", "{",
])  # fmt: skip
_TEXTS = _NAMES | st.sampled_from([
    "psk", "1ABC-2DEF-3GHI", "Basic dXNlcjpwYXNz", "ba\u017f\u0131c dXNlcjpwYXNz", "BEARER\u00a0abcdefgh", "bearer",
    "x" * FREE_TEXT_LIMIT, "\u202e", "\ufe00", "caf\xe9", '"}', ':"', "tab\there", "\U000e0101", "radius[0].secret",
])  # fmt: skip


@given(
    st.recursive(
        SCALARS | _TEXTS | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | PLAIN, inner, max_size=4),
        max_leaves=12,
    )
)
def test_what_looks_inert_as_one_text_is_what_redacting_and_cleaning_would_leave(value: Any) -> None:
    """One look at the JSON of an answer spares the walk through it only when the walk would change nothing."""
    _assert_inert(value)


def _assert_inert(value: Any) -> None:
    shown = cleaned(redacted(value))
    assert inert(value, compact) == (shown, compact(shown))


@pytest.mark.parametrize(
    "value",
    [
        {"n": 1, ":psk": "hidden"},
        ["a", ':"psk":', {"psk": "hidden"}],
        {"Key": "1ABC-2DEF-3GHI"},
        {"licenses": {"key": "hidden"}},
        {"path": "psk", "before": "hidden"},
        {"$secret": "no name"},
        "authorization: Basic dXNlcjpwYXNz",
        "caf\xe9 ba\u017f\u0131c dXNlcjpwYXNz",
        ["tab\there", 'quote " and \\'],
        "\u202ebackwards",
        ["\ufe00"],
        {"x" * (FREE_TEXT_LIMIT + 1): 1},
        ["y" * FREE_TEXT_LIMIT, "x" * (FREE_TEXT_LIMIT + 1)],
    ],
)
def test_what_must_be_masked_escaped_or_cut_does_not_look_inert(value: Any) -> None:
    """Each of these is changed, and by nothing less than the walk."""
    assert inert(value, compact)[0] != value
    _assert_inert(value)


def test_a_usual_answer_is_not_walked_through() -> None:
    """The one look is enough for names, addresses, numbers and lists; a copy would show that it was not."""
    answer = [
        {"id": "N_1", "name": "S\xe3o Paulo, loja 1", "tags": ["a"], "url": "https://x/?a=1", "n": 1.5, "ok": None}
    ]
    assert inert(answer, compact)[0] is answer
