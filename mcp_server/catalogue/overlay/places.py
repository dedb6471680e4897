"""Which operations stand at one path: the GET of a resource, the DELETE of an item, the POST of its parent."""

from collections.abc import Callable
from dataclasses import dataclass

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.operation import Operation, Schema


@dataclass(frozen=True, slots=True)
class Item:
    """An operation on one item of a list, and the path parameter that names the item."""

    operation: str
    param: str


class Places:
    """The operations by place; built once from the catalogue without parsing its trees."""

    def __init__(
        self, catalogue: Catalogue, read_where: Callable[[str], tuple[str, str] | None] = lambda _: None
    ) -> None:
        """Index every operation that works on one item by the path of its list.

        ``read_where`` gives, by operation id, the read that the files name for it and the field of its list.
        """
        self.catalogue = catalogue
        self._read_where = read_where
        self._items: dict[tuple[str, str], Item] = {}
        for operation_id in catalogue.ids():
            method, path = catalogue.place(operation_id)
            parent, _, tail = path.rpartition("/")
            if tail.startswith("{"):
                self._items[(method, parent)] = Item(operation_id, tail[1:-1])

    def item(self, method: str, list_path: str) -> Item | None:
        """The operation of that method on an item of the list at a path."""
        return self._items.get((method, list_path))

    def own_get(self, operation: Operation) -> Operation | None:
        """The GET at the operation's own path."""
        return self.catalogue.at("GET", operation.path)

    def own_other(self, method: str, operation: Operation) -> Operation | None:
        """The operation of that method at the operation's own path, or on an item of it."""
        item = self.item(method, operation.path)
        return self.catalogue.find(item.operation) if item else self.catalogue.at(method, operation.path)

    def parent(self, method: str, operation: Operation) -> Operation | None:
        """The operation of that method on the list that the operation's item is in; None when it is on no item."""
        parent, _, tail = operation.path.rpartition("/")
        return self.catalogue.at(method, parent) if tail.startswith("{") else None

    def read_schema(self, operation: Operation) -> Schema | None:
        """The schema in which the operation's resource is read: where the files say, by its own GET or in a list."""
        named = self._read_where(operation.id)
        if named is not None:
            name, at = named
            whole = self.catalogue.find(name).response
            listed = whole.fields.get(at) if whole and at else whole
            return element(listed) if listed else None
        if operation.method == "POST":
            item = self.item("GET", operation.path)
            found = self.catalogue.find(item.operation) if item else self.own_get(operation)
        else:
            found = self.own_get(operation) or self.parent("GET", operation)
        return element(found.response) if found and found.response else None


def element(schema: Schema) -> Schema:
    """The schema of one element: of a list, of the ``items`` of a page, or the schema itself."""
    inner = schema.fields.get("items")
    if (
        schema.items is None
        and inner is not None
        and inner.items is not None
        and set(schema.fields) <= {"items", "meta"}
    ):
        schema = inner
    return schema.items if schema.items is not None else schema


def leaves(schema: Schema, prefix: str = "") -> dict[str, Schema]:
    """Every plain field below a schema by its path, ``[]`` for list elements."""
    if schema.items is not None:
        return leaves(schema.items, f"{prefix}[]")
    if not schema.fields:
        return {prefix: schema} if prefix else {}
    found: dict[str, Schema] = {}
    for name, inner in schema.fields.items():
        found |= leaves(inner, f"{prefix}.{name}" if prefix else name)
    return found
