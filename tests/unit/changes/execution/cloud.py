"""A stand-in of the cloud that stores what it is sent, for the tests of what the engine writes."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from mcp_server.domain.ports import Reply, Request
from mcp_server.errors import MerakiMcpError
from tests.support.fake_api import FakeApi


class Cloud(FakeApi):
    """Keeps its answers as they are written: a POST adds to its list, an element has the id ``new-1`` and so on.

    ``fails`` holds, by method and path, what the next such writes raise, nothing done; ``alters`` what a write is
    stored with besides.
    """

    def __init__(self, answers: Mapping[str, Any], id_field: str = "id") -> None:
        super().__init__(answers)
        self.id_field = id_field
        self.fails: dict[tuple[str, str], list[MerakiMcpError]] = defaultdict(list)
        self.alters: dict[str, Any] = {}

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Method and last part of the path of each write, in order."""
        return [(one.method, one.path.rpartition("/")[2]) for one in self.writes]

    async def write(self, request: Request) -> Reply:
        """The element as it is stored now."""
        self.writes.append(request)
        if self.fails[request.method, request.path]:
            raise self.fails[request.method, request.path].pop(0)
        stored = {**(request.body if isinstance(request.body, Mapping) else {}), **self.alters}
        listed, _, last = request.path.rpartition("/")
        if request.method == "POST":
            listed, last = request.path, str(stored.get(self.id_field, f"new-{len(self.writes)}"))
            stored = {**stored, self.id_field: last}
        place = f"{listed}/{last}"
        stored = {**(self.answers.get(place) or {}), **stored}
        rest = [one for one in self.answers.get(listed, []) if str(one[self.id_field]) != last]
        if request.method == "DELETE":
            self.answers.pop(place, None)
            self.answers[listed] = rest
            return Reply(204, None)
        self.answers[place] = stored
        if listed in self.answers:
            self.answers[listed] = [*rest, stored]
        return Reply(200, stored)
