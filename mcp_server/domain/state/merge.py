"""What a PUT makes of a state: omitted fields stay, objects merge, lists and keyed maps are replaced, null clears.

Facts: Dashboard API v1 practice (Terraform provider #279 for null); Cisco's AdditionalDetails page still says
that omitted fields revert to defaults (v0), so the state is always read back.
"""

from collections.abc import Collection, Mapping

from mcp_server.domain.call import Json
from mcp_server.domain.state.json_value import copied
from mcp_server.domain.state.path import Token, is_named


def merged(before: Json, body: Mapping[str, Json], map_fields: Collection[str] = ()) -> Json:
    """The state after writing ``body`` over ``before``.

    ``map_fields`` names objects that are keyed maps and replaced as a whole, by bare name or by path.
    """
    return _merged(before, body, frozenset(map_fields), ())


def _merged(before: Json, body: Json, maps: frozenset[str], path: tuple[Token, ...]) -> Json:
    is_merge = isinstance(before, Mapping) and isinstance(body, Mapping) and not is_named(path, maps)
    if not is_merge:
        return copied(body)
    result = {key: copied(value) for key, value in before.items() if key not in body}
    for key, value in body.items():
        result[key] = _merged(before.get(key), value, maps, (*path, key))
    return result
