"""Bodies that the sweep makes of a schema."""

from mcp_server.domain.operation import Kind, Schema
from scripts.sweeping.bodies import variants
from tests.support.shipped import CATALOGUE

TEXT, NUMBER, SWITCH = Schema(Kind.STRING), Schema(Kind.INTEGER), Schema(Kind.BOOLEAN)
MODE = Schema(Kind.STRING, enum=("off", "on", "auto"))
RULE = Schema(
    Kind.OBJECT,
    fields={"policy": Schema(Kind.STRING, enum=("allow", "deny")), "port": TEXT},
    required=frozenset({"policy"}),
)
RULES = Schema(Kind.ARRAY, items=RULE)
FIELDS = {"name": TEXT, "mode": MODE, "count": NUMBER, "enabled": SWITCH, "rules": RULES}
BODY = Schema(Kind.OBJECT, fields=FIELDS, required=frozenset({"name"}))


def test_the_same_seed_makes_the_same_bodies_and_another_seed_others() -> None:
    """A finding can be looked at again."""
    assert list(variants(BODY, None, "x")) == list(variants(BODY, None, "x"))
    assert list(variants(BODY, None, "x")) != list(variants(BODY, None, "y"))


def test_the_body_made_by_hand_comes_first_and_as_it_is() -> None:
    """What a person wrote is the best there is."""
    first = next(iter(variants(BODY, {"name": "By hand", "mode": "on"}, "x")))
    assert (first.name, first.body) == ("by hand", {"name": "By hand", "mode": "on"})


def test_boundaries_and_every_word_of_every_enum_are_among_them() -> None:
    """Also of an enum inside a list that the body made by hand does not have."""
    made = {one.name: one.body for one in variants(BODY, {"name": "By hand"}, "x")}
    assert made["every field"].keys() == FIELDS.keys()
    assert (made["lower bounds"]["count"], made["lower bounds"]["rules"]) == (0, [])
    assert made["upper bounds"]["count"] > 10**6
    assert made["null"] == {"name": "By hand", **dict.fromkeys(["mode", "count", "enabled", "rules"])}
    assert [made[f"mode={word}"]["mode"] for word in MODE.enum] == list(MODE.enum)
    assert [made[f"rules.[].policy={word}"]["rules"][0]["policy"] for word in ("allow", "deny")] == ["allow", "deny"]


def test_no_body_comes_twice() -> None:
    """One that says the same is not worth the time."""
    made = [one.body for one in variants(BODY, {"name": "By hand"}, "x")]
    assert all(made.count(body) == 1 for body in made)


def test_every_write_with_optional_fields_has_three_bodies_or_more() -> None:
    """Of the whole catalogue."""
    few = [
        name
        for name in CATALOGUE.writes()
        if (schema := CATALOGUE.find(name).body) is not None
        and set(schema.fields) - schema.required
        and len(list(variants(schema, None, name))) < 3
    ]
    assert few == []
