"""A plan as an answer: short, whole, without secrets."""

from dataclasses import replace
from typing import Any

from mcp_server.changes.planning.plan_view import field_view, plan_view
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import FieldChange, Plan
from mcp_server.domain.record import StoredPlan
from mcp_server.domain.redaction import MASK
from tests.support.means import means
from tests.support.plans import plan, step


def _view(made: Plan) -> dict[str, Any]:
    return plan_view(StoredPlan(made.plan_id, made.owner, ChangeState.PLANNED, made), means())


def test_steps_that_change_alike_are_told_once_with_their_numbers() -> None:
    """48 ports that get one VLAN cost one entry, not 48."""
    alike = [step(number, label=f"port {number}") for number in range(1, 49)]
    other = step(49, body={"name": "Other"})
    view = _view(plan(*alike, other))
    first, last = view["diff"]
    assert first["steps"] == "1-48"
    assert first["count"] == 48
    assert first["targets"] == ["port 1", "port 2", "port 3"]
    assert last["step"] == 49
    assert [entry["step"] for entry in view["undo"]] == ["1-49"]


def test_a_long_plan_names_where_the_rest_is() -> None:
    """Beyond 40 different entries the answer says how many more there are, and where."""
    view = _view(plan(*[step(number, body={"name": f"N{number}"}) for number in range(1, 51)]))
    assert view["diff"][-1] == {"more": 10, "see": "plan://plan-1"}


def test_a_long_list_of_the_context_is_told_by_its_length() -> None:
    """52 writable ports are a number; 4 locked ones are named."""
    context = {"writable_ports": {"Q2-1": [str(port) for port in range(52)]}, "sgt": {"Q2-1": ["1", "2"]}, "none": None}
    view = _view(replace(plan(), context=context))
    assert view["context"] == {"writable_ports": {"Q2-1": "52 entries"}, "sgt": {"Q2-1": ["1", "2"]}}


def test_a_secret_field_is_masked_on_both_sides() -> None:
    """The diff says that the PSK changes, never to what."""
    view = field_view(FieldChange("psk", "old secret", "new secret"))
    assert view["before"] == MASK
    assert view["after"] == MASK
