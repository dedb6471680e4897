"""The lists that layer 7 and content filtering rules choose from, as far as this cloud knows them."""

from collections.abc import Mapping

from mcp_server.sandbox.behaviour import Json
from mcp_server.sandbox.checks import addresses

_L7 = "meraki:layer7/"
_APPLICATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "2": ("Email", ("Gmail", "Yahoo Mail", "Outlook.com")),
    "4": ("File sharing", ("Dropbox", "Box", "OneDrive")),
    "5": ("Gaming", ("Xbox LIVE", "Steam", "PlayStation")),
    "8": ("News", ("CNN", "BBC", "The New York Times")),
    "9": ("Peer-to-peer (P2P)", ("BitTorrent", "Gnutella", "eMule")),
    "13": ("Social web & photo sharing", ("Facebook", "Instagram", "Pinterest")),
    "24": ("Advertising", ("Doubleclick", "AdMob", "Criteo")),
    "27": ("VoIP & video conferencing", ("WebEx", "Skype", "Zoom")),
    "29": ("Video & music", ("YouTube", "Netflix", "Spotify")),
}
_FILTERED = (
    "Adult", "Advertisements", "Alcohol", "Cryptomining", "Dating", "Filter Avoidance", "Gambling", "Games",
    "Hacking", "Hate Speech", "Illegal Drugs", "Peer File Transfer", "Pornography", "Social Networking",
    "Streaming Video", "Weapons",
)  # fmt: skip
COUNTRY_TYPES: Mapping[str, str] = {  # the older words are still taken (parameter text of the official SDK, 4.7.0)
    "allowedCountries": "allowedCountries", "whitelistedCountries": "allowedCountries",
    "blockedCountries": "blockedCountries", "blacklistedCountries": "blockedCountries",
}  # fmt: skip


def application_categories() -> list[Json]:
    """The layer 7 categories with their applications."""
    return [
        {
            "id": f"{_L7}category/{key}", "name": name,
            "applications": [{"id": f"{_L7}application/{key}{n:02}", "name": one} for n, one in enumerate(names, 1)],
        }
        for key, (name, names) in _APPLICATIONS.items()
    ]  # fmt: skip


def filter_categories() -> list[Json]:
    """The categories that content filtering may block."""
    return [{"id": f"meraki:contentFiltering/category/C{n}", "name": name} for n, name in enumerate(_FILTERED, 1)]


def named(kind: str, value: Json) -> Json | None:
    """``{id, name}`` of an application or applicationCategory given as object or bare id; None when unknown."""
    wanted = value.get("id") if isinstance(value, dict) else value
    categories = application_categories()
    rows = categories if kind == "applicationCategory" else [app for one in categories for app in one["applications"]]
    return next(({"id": row["id"], "name": row["name"]} for row in rows if row["id"] == wanted), None)


def settled_l7(rule: Json, index: int) -> tuple[Json, str]:
    """A layer 7 rule as it is stored, and the text of its fault or an empty text."""
    kind, value = rule.get("type"), rule.get("value")
    where = f"rules[{index}]"
    if rule.get("policy") != "deny":
        return rule, f"'{where}[policy]' must be one of: 'deny'"
    if kind in ("application", "applicationCategory"):
        found = named(kind, value)
        fault = "" if found else f"'{where}[value]' is not a known {kind}"
        return {"policy": "deny", "type": kind, "value": found}, fault
    stored = {"policy": "deny", "type": COUNTRY_TYPES.get(str(kind), kind), "value": value}
    fits = _fits(str(stored["type"]), value)
    if fits is None:
        return stored, f"'{where}[type]' is not a known type of rule"
    return stored, "" if fits else f"'{where}[value]' is not a valid {kind}"


def _fits(kind: str, value: Json) -> bool | None:
    """Whether a plain value fits its type of rule; None for an unknown type."""
    base, colon, port = str(value).partition(":")
    fits = {
        "allowedCountries": _are_countries(value),
        "blockedCountries": _are_countries(value),
        "host": addresses.is_domain_name(value),
        "port": addresses.is_port_or_range(str(value)),
        "ipRange": addresses.is_address_or_cidr(base) and (not colon or addresses.is_port_or_range(port)),
    }
    return fits.get(kind)


def _are_countries(value: Json) -> bool:
    codes = value if isinstance(value, list) else []
    return bool(codes) and all(isinstance(one, str) and len(one) == 2 and one.isalpha() for one in codes)
