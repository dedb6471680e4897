"""Themes of splash pages and their files: a file is one of a theme, and goes with it."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_SYSTEM = "Modern"


def _themes(world: "World", call: Call) -> dict[str, Json]:
    first: Json = {"id": "modern", "name": _SYSTEM, "isSystemTheme": True}
    return world.collection(f"/organizations/{call.params['organizationId']}/splash/themes", lambda: {"modern": first})


def _assets(world: "World", call: Call) -> dict[str, Json]:
    path = f"/organizations/{call.params['organizationId']}/splash/assets"
    page: Json = {"id": "modern-page", "name": "page.html", "fileData": "PGh0bWw+", "themeId": "modern"}
    return world.collection(path, lambda: {page["id"]: page})


def _shown(world: "World", call: Call, theme: Json) -> Json:
    files = [one for one in _assets(world, call).values() if one["themeId"] == theme["id"]]
    return theme | {"themeAssets": [{"id": one["id"], "name": one["name"]} for one in files]}


@behaviour("getOrganizationSplashThemes")
def list_themes(world: "World", call: Call) -> Json:
    """The theme that is always there, and the organization's own."""
    return [_shown(world, call, one) for one in _themes(world, call).values()]


@behaviour("createOrganizationSplashTheme")
def create_theme(world: "World", call: Call) -> Json:
    """A theme with copies of the files of another one."""
    body, held = call.body or {}, _themes(world, call)
    name, base = body.get("name"), body.get("baseTheme")
    if not name or any(one["name"] == name for one in held.values()):
        raise CloudError(400, "Name has already been taken" if name else "Name can't be blank")
    source = next((one for one in held.values() if base in (one["id"], one["name"])), None)
    if base and source is None:
        raise CloudError(400, f"Theme {base} not found")
    id_ = world.new_id()
    files = [one for one in _assets(world, call).values() if source and one["themeId"] == source["id"]]
    held[id_] = {"id": id_, "name": name, "isSystemTheme": False}
    for one in files:
        new = world.new_id()
        _assets(world, call)[new] = one | {"id": new, "themeId": id_}
    return _shown(world, call, held[id_])


def _own(world: "World", call: Call, id_: str) -> Json:
    found = _themes(world, call).get(id_)
    if found is None:
        raise CloudError(404)
    if found["isSystemTheme"]:
        raise CloudError(400, "A system theme cannot be changed")
    return found


@behaviour("deleteOrganizationSplashTheme")
def delete_theme(world: "World", call: Call) -> None:
    """The theme goes with its files."""
    theme, held = _own(world, call, call.params["id"]), _assets(world, call)
    for key in [key for key, one in held.items() if one["themeId"] == theme["id"]]:
        del held[key]
    del _themes(world, call)[theme["id"]]


@behaviour("createOrganizationSplashThemeAsset")
def create_asset(world: "World", call: Call) -> Json:
    """A file of a theme of one's own; its name is nobody else's there."""
    theme, body = _own(world, call, call.params["themeIdentifier"]), call.body or {}
    name, held = body.get("name"), _assets(world, call)
    if not name or not body.get("content"):
        raise CloudError(400, "'name' and 'content' are required")
    if any((one["themeId"], one["name"]) == (theme["id"], name) for one in held.values()):
        raise CloudError(400, "Name has already been taken")
    id_ = world.new_id()
    held[id_] = {"id": id_, "name": name, "fileData": body["content"], "themeId": theme["id"]}
    return {name: value for name, value in held[id_].items() if name != "themeId"}


@behaviour("getOrganizationSplashAsset", "deleteOrganizationSplashAsset")
def one_asset(world: "World", call: Call) -> Json:
    """One file; a deleted one is gone. Those of a system theme stay."""
    found = _assets(world, call).get(call.params["id"])
    if found is None:
        raise CloudError(404)
    if call.method == "DELETE":
        _own(world, call, found["themeId"])
        del _assets(world, call)[found["id"]]
    return found
