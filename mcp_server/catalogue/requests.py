"""From an operation and its parameters to one HTTP request."""

from collections.abc import Mapping
from urllib.parse import quote

from mcp_server.domain.call import Json
from mcp_server.domain.operation import Kind, Operation
from mcp_server.domain.ports import Request
from mcp_server.errors import InvalidArguments


def request_for(
    operation: Operation, params: Mapping[str, Json], body: Json = None, organization_id: str = ""
) -> Request:
    """The request of one call; ``params`` has path and query parameters by name, lists are sent as ``name[]``.

    Raises InvalidArguments when a path parameter is missing, empty or no scalar, or a parameter is not the operation's.
    """
    missing = [name for name in operation.path_params if not _is_id(params.get(name))]
    unknown = [name for name in params if name not in operation.path_params and name not in operation.query]
    if missing or unknown:
        words = [f"{name} is missing" for name in missing] + [f"{name[:60]} is not a parameter" for name in unknown]
        raise InvalidArguments(f"{operation.id}: {'; '.join(words)}.", details={"faults": words})
    query = {_query_key(operation, name): params[name] for name in params if name in operation.query}
    return Request(
        method=operation.method,
        path=filled(operation, params),
        query={name: value for name, value in query.items() if value is not None},
        body=body,
        organization_id=organization_id or str(params.get("organizationId", "")),
    )


def filled(operation: Operation, params: Mapping[str, Json]) -> str:
    """The operation's path with its parameters filled in and quoted.

    One that is not given stays ``{name}``; one that an earlier step will create stays ``{step-1.id}``.
    """
    return "/".join(_segment(part, params) for part in operation.path.split("/"))


def quoted(value: Json) -> str:
    """One path segment; InvalidArguments for ``.`` and ``..``, which a client or proxy would fold into the path."""
    text = quote(str(value), safe="")
    if text.strip(".") == "":
        raise InvalidArguments(f"{text!r} cannot be an id.", "Find the id with meraki_search.")
    return text


def _is_id(value: Json) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _segment(part: str, params: Mapping[str, Json]) -> str:
    name = part[1:-1]
    if not part.startswith("{") or name not in params:
        return part
    value = params[name]
    return f"{{{value['$ref']}}}" if isinstance(value, Mapping) and "$ref" in value else quoted(value)


def _query_key(operation: Operation, name: str) -> str:
    return f"{name}[]" if operation.query[name].kind is Kind.ARRAY else name
