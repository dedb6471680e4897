"""The simulated cloud, asked without HTTP: what a behaviour's test needs to say who, what and what came back."""

from typing import Any

from mcp_server.sandbox.cloud import Answer, Cloud
from mcp_server.sandbox.seed import seeded
from mcp_server.sandbox.world import canonical

Json = Any


class Simulated:
    """A seeded cloud with its campus (VLANs on), branch (VLANs off) and template-bound shop."""

    def __init__(self) -> None:
        """A new world each time."""
        self.world = seeded()
        self.cloud = Cloud(self.world)
        self.campus, self.branch, self.shop = list(self.world.networks)[:3]
        self.organization = self.world.networks[self.campus]["organizationId"]
        self.twin = list(self.world.networks)[3]  #: the campus of the other organization

    def ask(self, method: str, path: str, body: Json = None, **query: Json) -> Answer:
        """What the cloud answers."""
        return self.cloud.ask(method, path, query, body)

    def get(self, path: str) -> Json:
        """What is read at a path that must be readable."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def mx(self, tail: str, network: str | None = None) -> str:
        """A path among the appliance settings of a network, by default the campus."""
        return f"/networks/{network or self.campus}/appliance/{tail}"

    def put(self, path: str, body: Json) -> Json:
        """What a write that must be taken answers."""
        answer = self.ask("PUT", path, body)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: Json) -> Json:
        """What a creation that must be taken answers."""
        answer = self.ask("POST", path, body)
        assert answer.status == 201, answer
        return answer.body

    def delete(self, path: str) -> None:
        """Remove what must be removable."""
        answer = self.ask("DELETE", path)
        assert answer.status == 204, answer

    def refused(self, method: str, path: str, body: Json = None, **query: Json) -> str:
        """The texts of a 400, which must have changed nothing."""
        before = self.state()
        answer = self.ask(method, path, body, **query)
        assert answer.status == 400, answer
        assert self.state() == before
        return " | ".join(answer.body["errors"])

    def state(self) -> str:
        """The canonical configuration, as text."""
        return canonical(self.world.dump()["configuration"])
