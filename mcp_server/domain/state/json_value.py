"""Equality and words of JSON values, as JSON means them: true is not 1, and 1 is 1.0."""

from collections.abc import Hashable, Mapping

from mcp_server.domain.call import Json

#: Fields that name an element of a list, the strongest first (response trees of Dashboard API v1.75.1).
IDENTITY = (
    "id", "number", "portId", "serial", "interfaceId", "ruleId", "groupPolicyId", "vlanId", "email", "iname",
    "ssidNumber", "mac", "name", "alertType", "type", "comment", "publicPort", "publicIp", "host", "subnet", "key",
)  # fmt: skip
_LABELS = ("comment", "name", "ruleName", "id", "number", "portId", "vlanId", "email", "host", "alertType", "subnet")
_LABEL_LIMIT = 60
_SECRET_WORDS = ("secret", "psk", "pass", "key", "community", "token", "contents", "credential")


def frozen(value: Json) -> Hashable:
    """A hashable stand-in that is equal exactly for equal JSON values."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Mapping):
        return ("map", frozenset((key, frozen(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(frozen(item) for item in value))
    if isinstance(value, str):
        return value
    return ("number", value) if value is not None else None


def same(first: Json, second: Json) -> bool:
    """Whether two JSON values are equal; the order of fields and the form of numbers do not matter."""
    return first is second or frozen(first) == frozen(second)


def copied(value: Json) -> Json:
    """A copy made of plain dicts and lists, sharing nothing that can change."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def sounds_secret(field: str) -> bool:
    """Whether a field's name suggests that its value must not be shown."""
    lowered = field.lower()
    return any(word in lowered for word in _SECRET_WORDS)


def label(element: Json) -> str:
    """A short name of a list element for people: printable, at most 60 characters, never a secret."""
    if isinstance(element, Mapping):
        text = next((element[name] for name in _LABELS if element.get(name) not in (None, "", [], {})), None)
        if text is None or isinstance(text, Mapping | list):
            shown = [f"{k} {v}" for k, v in element.items() if _is_shown(k, v)]
            text = ", ".join(shown[:3])
    else:
        text = "a list" if isinstance(element, list) else element
    words = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))
    return f"'{words[:_LABEL_LIMIT]}{'…' if len(words) > _LABEL_LIMIT else ''}'"


def _is_shown(field: str, value: Json) -> bool:
    return isinstance(value, str | int | float) and value != "" and not sounds_secret(field)
