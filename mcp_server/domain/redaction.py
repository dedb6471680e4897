"""What may leave this server: secrets masked, text from outside made inert.

Two rules: a secret is known by the name of its field and by its value, whichever matches; text that somebody else
wrote is escaped and capped before it is shown, and no decision rests on it.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from mcp_server.domain.call import Json

MASK = "********"
TEXT_LIMIT = 200  #: characters of a name or label
FREE_TEXT_LIMIT = 1_000  #: characters of one text inside an answer

_SECRET_NAMES = frozenset({
    "apikey", "authorization", "claimkey", "communitystring", "contenttoken", "credential", "hashedtoken", "ipsk",
    "keymaterial", "licensekey", "passphrase", "passwd", "password", "pin", "pincode", "presharedkey", "privatekey",
    "privatekeypem", "psk", "radsecret", "secret", "secretkey", "snmpcommunity", "token", "v3authpass", "v3privpass",
    "wepkey", "xciscomerakiapikey",
})  # fmt: skip
_SECRET_ENDINGS = (
    "apikey", "accesstoken", "authtoken", "bearertoken", "communitystring", "passphrase", "password", "privatekey",
    "psk", "refreshtoken", "servicetoken", "sharedkey", "sharedsecret", "clientsecret", "radiussecret", "secretkey",
    "secret",
)  # fmt: skip
_INDEX = re.compile(r"\[[^\]]*\]")
#: A difference names its field in one place and holds the values in others: {"path": "psk", "before": ...}.
_PATH_NAMES = frozenset({"path", "field"})
_TOLD_VALUES = frozenset({
    "before", "after", "planned", "found", "expected", "live", "value", "was", "now", "ours", "theirs", "base",
})  # fmt: skip
_PLACEHOLDERS = frozenset({"$secret", "$generate", "$ref", "$created"})
_PLACEHOLDER_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
_LICENSE_KEY = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}")
_BEARER_FROM = len("basic") + 1 + 8  #: the shortest text that it finds
KNOWN_FROM = 8  #: characters of a secret that is masked by its value in every answer
MOST_LEARNED = 200
_SHORTEST_PART = 4  #: shorter secrets are masked where they are the whole value, not inside other text
_MAPPINGS, _LISTS = (dict, Mapping), (list, tuple)  #: a dict is known for one without asking what a Mapping is
#: Printable to Python, yet they show nothing: fillers and variation selectors, in which text can hide.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_UNSEEN = re.compile("[\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0e\U000e0100-\U000e01ef]")
_ESCAPE = re.compile(r'(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]')
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


@lru_cache(maxsize=4096)  # an answer repeats its field names in every element
def is_secret_field(name: str) -> bool:
    """Whether a field of that name holds a secret, however it is written (sharedSecret, shared_secret, X-API-Key)."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def is_secret_path(path: str) -> bool:
    """Whether a dotted path such as ``radiusServers[0].secret`` leads to a secret."""
    return any(is_secret_field(name) for name in _INDEX.sub("", path).split("."))


def redacted(value: Json, secrets: Collection[str] = ()) -> Json:
    """A copy of ``value`` in which each secret is ``MASK``: by field name, and by the value of the known ``secrets``.

    A known secret is also found inside other text and in its base64, hexadecimal, URL, HTML and JSON forms.
    ``None``, booleans, empty text and the placeholders ``{"$secret"}``, ``{"$generate"}``, ``{"$ref"}`` stay.
    """
    ordered = tuple(sorted({secret for secret in secrets if secret}, key=lambda secret: (-len(secret), secret)))
    return _Redactor(ordered).value(value, "", hidden=False)


def holds_secret(text: str, secrets: Collection[str]) -> bool:
    """Whether the text holds one of the secrets, plain or in one of the forms that ``redacted`` knows."""
    readings = [text]
    if "\\" in text:  # of JSON: its texts as they are, which may be JSON, a URL's or HTML themselves
        readings.append(_ESCAPE.sub(_unescaped, text))
    if "%" in text or "+" in text:
        readings += [unquoted(one) for one in readings for unquoted in (unquote, unquote_plus)]
    if "&" in text:
        readings += [html.unescape(one) for one in readings]
    return any(
        form in reading
        for secret in secrets
        if len(secret) >= _SHORTEST_PART
        for form in _forms(secret)  # the secret itself is one
        for reading in readings
    )


def _unescaped(found: re.Match[str]) -> str:
    """What an escape of JSON stands for; both halves of a surrogate pair are one."""
    return str(json.loads(f'"{found[0]}"'))


def masked(value: Json, text: str, secrets: Collection[str]) -> Json:
    """``value`` itself when its JSON ``text`` holds none of the secrets, else a redacted copy."""
    return redacted(value, secrets) if holds_secret(text, secrets) else value


class _Redactor:
    """One pass over a value with one set of known secrets."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self.whole = frozenset(secrets)
        self.parts = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_PART)

    def value(self, value: Json, parent: str, *, hidden: bool) -> Json:
        if isinstance(value, str):  # most of an answer
            return value if value == "" else MASK if hidden else self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, _MAPPINGS):
            return self._mapping(value, parent, hidden=hidden)
        if isinstance(value, _LISTS):
            return [self.value(item, parent, hidden=hidden) for item in value]
        return MASK if hidden or str(value) in self.whole else value

    def _mapping(self, value: Mapping[str, Json], parent: str, *, hidden: bool) -> dict[str, Json]:
        if len(value) == 1 and _is_placeholder(*next(iter(value.items()))):
            return {key: self.value(item, "", hidden=False) for key, item in value.items()}
        result: dict[str, Json] = {}
        tells_secret = _tells_secret(value)
        for key, item in value.items():
            name = str(key)
            masked = hidden or is_secret_field(name) or (len(name) == 3 and _is_key_material(name, item, parent))
            masked = masked or (tells_secret and name in _TOLD_VALUES)
            shown = self.value(item, name, hidden=masked)
            free = self.text(name)
            result[free if free not in result else _free_key(result, free)] = shown
        return result

    def text(self, text: str) -> str:
        if text in self.whole:
            return MASK
        if len(text) >= _BEARER_FROM:
            text = _BEARER.sub(lambda found: f"{found.group(1)} {MASK}", text)
        if not self.parts:
            return text
        for secret in self.parts:
            for form in _forms(secret):
                text = text.replace(form, MASK)
        return MASK if self._still_holds(text) else text

    def _still_holds(self, text: str) -> bool:
        readings = {text, unquote(text), unquote_plus(text), html.unescape(text)}
        return any(secret in reading for secret in self.parts for reading in readings if set(secret) != {"*"})


class KnownSecrets:
    """The secret values of this process: given at the start, those that ``kept`` tells now, those learned on the way.

    One shorter than 8 characters is known by its field's name alone, for as a word it would blind whole answers; of
    those learned only the newest are kept, so that a long-lived server does not grow.
    """

    def __init__(
        self,
        given: Collection[str] = (),
        kept: Callable[[], Collection[str]] = tuple,
        tell: Callable[[str], None] = lambda _secret: None,
    ) -> None:
        """``kept`` is asked each time: secrets may be set while the server runs; ``tell`` hears of each one learned."""
        self._given = frozenset(given)
        self._kept = kept
        self._tell = tell
        self._learned: dict[str, None] = {}

    def learn(self, secret: str) -> None:
        """From now on this value is masked too."""
        self._tell(secret)
        self._learned.pop(secret, None)
        self._learned[secret] = None
        while len(self._learned) > MOST_LEARNED:
            del self._learned[next(iter(self._learned))]

    def values(self) -> frozenset[str]:
        """All that are masked by value."""
        return frozenset(one for one in (*self._given, *self._kept(), *self._learned) if len(one) >= KNOWN_FROM)


def _tells_secret(value: Mapping[str, Json]) -> bool:
    """Whether it is a difference that names a secret's field."""
    if _PATH_NAMES.isdisjoint(value):  # nearly always
        return False
    return any(isinstance(path := value.get(name), str) and is_secret_path(path) for name in _PATH_NAMES)


def _is_placeholder(name: str, word: Json) -> bool:
    """Whether an object of this one field stands for a secret or an id instead of being one."""
    if name not in _PLACEHOLDERS:
        return False
    return isinstance(word, int) or (isinstance(word, str) and _PLACEHOLDER_WORD.fullmatch(word) is not None)


def _is_key_material(name: str, item: Json, parent: str) -> bool:
    """Whether a plain ``key`` is one: of an API, of licences, or one that looks like a licence key."""
    if name.lower() != "key" or not isinstance(item, str):
        return False
    return parent.lower() in ("api", "license", "licenses") or _LICENSE_KEY.fullmatch(item) is not None


def _free_key(taken: Mapping[str, Json], key: str) -> str:
    """The key with a number: masking or escaping made two alike."""
    number = 2
    while f"{key}~{number}" in taken:
        number += 1
    return f"{key}~{number}"


@lru_cache(maxsize=256)
def _forms(secret: str) -> tuple[str, ...]:
    """The ways in which a secret may stand inside other text, longest first."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {secret, raw.hex(), raw.hex().upper(), html.escape(secret), json.dumps(secret)[1:-1]}
    forms.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms.add(encode(raw).decode())
        forms.update(_base64_inside(raw, offset, encode(b"\0" * offset + raw).decode()) for offset in range(3))
    return tuple(sorted((form for form in forms if len(form) >= _SHORTEST_PART), key=lambda form: (-len(form), form)))


def _base64_inside(raw: bytes, offset: int, encoded: str) -> str:
    """The characters of base64 that are the same whatever stands around ``raw`` at that offset."""
    first = -(-offset * 8 // 6)
    last = (offset + len(raw)) * 8 // 6
    return encoded[first:last]


def clean(text: object, limit: int = TEXT_LIMIT) -> str:
    """The text on one line, control, bidi and other unseen characters escaped, at most ``limit`` characters long."""
    source = str(text)
    if len(source) <= limit and source.isprintable() and (source.isascii() or not _UNSEEN.search(source)):
        return source
    pieces = [_shown(char) for char in source[: limit + 1]]
    if sum(map(len, pieces)) <= limit and len(source) <= limit:
        return "".join(pieces)
    room = limit - 1
    kept = 0
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept += 1
    return ("".join(pieces[:kept]) + "…")[:limit]


def _shown(char: str) -> str:
    """The character itself, or its escape when it cannot be seen or moves others about."""
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if char.isprintable() and not _UNSEEN.match(char):
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def cleaned(value: Json, limit: int = FREE_TEXT_LIMIT) -> Json:
    """A copy of ``value`` with every text in it, keys too, made inert by ``clean``."""
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, _MAPPINGS):
        result: dict[str, Json] = {}
        for name, item in value.items():
            free = clean(name, limit)
            result[free if free not in result else _free_key(result, free)] = cleaned(item, limit)
        return result
    if isinstance(value, _LISTS):
        return [cleaned(item, limit) for item in value]
    return value


def without_tags(value: Json) -> Json:
    """A copy of ``value`` in which no text opens a tag of markup: what a refusal repeats is shown, never rendered."""
    if isinstance(value, str):
        return _TAG.sub("\\\\u003c", value)
    if isinstance(value, Mapping):
        return {str(without_tags(key)): without_tags(item) for key, item in value.items()}
    return [without_tags(item) for item in value] if isinstance(value, list | tuple) else value


def inert(value: Json, compact: Callable[[Json], str]) -> tuple[Json, str]:
    """``cleaned(redacted(value))`` and its JSON; ``value`` itself when that shows nothing to mask or escape.

    ``compact`` writes JSON without a space between, and leaves as they are the signs that need no escape.
    """
    text = compact(value)
    if _is_inert(text):
        return value, text
    shown = cleaned(redacted(value))
    return shown, compact(shown)


def _is_inert(text: str) -> bool:
    """Whether nothing in this JSON is masked, escaped or cut, as far as is seen at once; false when in doubt."""
    if "\\" in text or not text.isprintable() or (not text.isascii() and _UNSEEN.search(text)):
        return False
    # without a backslash a name stands between two quotes, a colon behind them; one that begins with a colon loses it
    if any(map(_is_looked_into, {piece[piece.rfind('"') + 1 :] for piece in text.split('":')})):
        return False
    if len(text) > FREE_TEXT_LIMIT and max(map(len, text.split('"'))) > FREE_TEXT_LIMIT:
        return False
    folded = text.lower() if text.isascii() else ""
    return not (("bearer " in folded or "basic " in folded) if folded else _BEARER.search(text))


@lru_cache(maxsize=4096)
def _is_looked_into(name: str) -> bool:
    """Whether ``redacted`` may mask a value because of a field of that name."""
    return is_secret_field(name) or name in _PATH_NAMES or name.lower() == "key"


def numbers(values: Sequence[int]) -> str:
    """Ascending numbers as ranges: 1-3, 7."""
    parts: list[list[int]] = []
    for value in values:
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def listed(names: Iterable[object], most: int = 3) -> str:
    """The first names, cleaned, and how many more there are: "a, b, c and 45 more"."""
    every = list(names)
    shown = ", ".join(clean(name, 80) for name in every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown


def counted(names: Iterable[str]) -> list[str]:
    """Each name once, in order, with how often it stood there: "create vlan of Loja 1 (6 times)"."""
    times: dict[str, int] = {}
    for name in names:
        times[name] = times.get(name, 0) + 1
    return [f"{clean(name, 60)} ({count} times)" if count > 1 else name for name, count in times.items()]
