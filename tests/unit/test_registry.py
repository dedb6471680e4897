"""The registry of tools."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.desk.lookups import lookups
from mcp_server.domain.actor import Actor, Role
from mcp_server.errors import InvalidArguments, UnknownTool
from mcp_server.registry import ORDER, Registry

PLANNER = Actor("ana", "stdio")


def test_tools_come_from_this_distribution_whatever_stands_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder named tools where the server is started is never imported."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "meraki_apply.py").write_text("raise SystemExit('the wrong tools were loaded')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ORDER:
        monkeypatch.delitem(__import__("sys").modules, f"tools.{name}", raising=False)
    assert [tool.name for tool in Registry.load().listed(PLANNER)] == list(ORDER)


def test_an_unknown_argument_is_refused_by_its_name() -> None:
    """The schemas are closed, and the answer says which one it was and what there is."""
    registry = Registry.load()
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find("meraki_apply", PLANNER), {"plan_id": "p", "approved": True})
    assert "approved" in refused.value.message
    assert "plan_id" in refused.value.remedy


def test_of_many_unknown_arguments_five_are_named() -> None:
    """A caller that made them up learns nothing from the rest."""
    registry = Registry.load()
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find("history", PLANNER), {f"made_up_{number}": 1 for number in range(9)})
    assert refused.value.message.count("made_up_") == 5


def test_a_completion_may_begin_from_nothing() -> None:
    """An empty argument of a tool is refused; the empty text that is to be completed is not."""
    registry = Registry.load(lookups())
    look_up = registry.find("completion/complete", PLANNER, is_lookup=True)
    registry.check(look_up, {"name": "network_id", "value": ""})
    with pytest.raises(InvalidArguments):
        registry.check(registry.find("history", PLANNER), {"change_id": ""})


def test_a_text_in_the_place_of_an_object_or_a_list_is_not_shown() -> None:
    """A body that was given as a text may hold what a body holds: a passphrase too."""
    registry = Registry.load()
    for tool, given in (
        ("meraki_read", {"operation": "x", "params": "hunter2"}),
        ("meraki_plan", {"operations": "hunter2"}),
    ):
        with pytest.raises(InvalidArguments) as refused:
            registry.check(registry.find(tool, PLANNER), given)
        assert "found string" in refused.value.message
        assert "hunter2" not in refused.value.message


def test_all_faults_are_told_at_once() -> None:
    """A wrong type, a missing and an unknown argument in one answer."""
    registry = Registry.load()
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find("meraki_plan", PLANNER), {"operations": "x", "yes": 1})
    assert len(refused.value.details["faults"]) == 3  # type: ignore[arg-type]  # a list of texts


def test_a_tool_for_auditors_is_neither_listed_nor_found_for_a_planner() -> None:
    """The same list decides what is shown and what is refused."""
    tool = replace(Registry.load().find("history", PLANNER), name="audit_only", roles=frozenset({Role.AUDITOR}))
    registry = Registry({"audit_only": tool})
    assert registry.listed(PLANNER) == ()
    with pytest.raises(UnknownTool):
        registry.find("audit_only", PLANNER)
    auditor = Actor("eve", "http", roles=frozenset({Role.AUDITOR}))
    assert registry.find("audit_only", auditor) is tool


def test_a_look_up_is_not_callable_as_a_tool() -> None:
    """resources/read and its like are found only as look-ups."""
    tool = Registry.load().find("history", PLANNER)
    registry = Registry({}, {"resources/read": tool})
    with pytest.raises(UnknownTool):
        registry.find("resources/read", PLANNER)
    assert registry.find("resources/read", PLANNER, is_lookup=True) is tool


def test_what_no_file_can_hold_is_refused_by_name() -> None:
    """Half of a surrogate pair, and what is nested without end."""
    registry = Registry.load()
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find("meraki_read", PLANNER), {"operation": "\ud800", "params": {"a": deep}})
    assert refused.value.details == {
        "faults": ["operation: no valid text (half of a surrogate pair).", "params: nested deeper than 100 levels."]
    }


def test_an_empty_text_is_refused_by_name() -> None:
    """An empty id or filter would be taken for one left out, and the answer for an answer."""
    registry = Registry.load()
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find("history", PLANNER), {"actor": "", "limit": 3})
    assert refused.value.details == {"faults": ["actor: empty; leave it out."]}
