"""Rules about a plan as a whole: how many devices it reaches, what it mixes, what it forgets.

Each is a pure function of the views of all steps and of the plan's impact.
"""

from collections.abc import Iterable, Sequence

from mcp_server.domain.call import Warned
from mcp_server.domain.plan import Impact
from mcp_server.domain.redaction import listed
from mcp_server.domain.rules.facts import CRITICAL, INFO, WARNING, StepView, warned
from mcp_server.domain.rules.rule_lists import FIREWALL_OPERATIONS
from mcp_server.domain.rules.security import NAT_OPERATIONS
from mcp_server.domain.rules.switching import PORT_OPERATIONS

SHORTENED_OVER = 3
COUNTED_OVER = 5
GRADUAL_OVER = 10


def list_shortened(_views: Sequence[StepView], impact: Impact) -> Iterable[Warned]:
    """More than 3 devices: the list is shown in short."""
    if impact.devices <= SHORTENED_OVER:
        return ()
    text = f"{impact.devices} devices are reached: {listed(impact.device_serials, SHORTENED_OVER)}."
    return warned("plan_list_shortened", INFO, text)


def many_switches(views: Sequence[StepView], _impact: Impact) -> Iterable[Warned]:
    """More than 5 switches in one plan: the person confirms with the count in view."""
    switches = {view.device.serial for view in views if view.device is not None and _is_switch(view)}
    if len(switches) <= COUNTED_OVER:
        return ()
    return warned("t2_many_switches", WARNING, f"This plan changes {len(switches)} switches; confirm that number.")


def _is_switch(view: StepView) -> bool:
    product = view.device.product_type if view.device is not None else ""
    return product == "switch" or (not product and view.operation in PORT_OPERATIONS)


def gradual_rollout(_views: Sequence[StepView], impact: Impact) -> Iterable[Warned]:
    """More than 10 devices: better in parts."""
    if impact.devices <= GRADUAL_OVER:
        return ()
    text = f"This plan reaches {impact.devices} devices; roll it out gradually, a few first, then the rest."
    return warned("t2_gradual_rollout", WARNING, text)


def rollback_of_many(views: Sequence[StepView], impact: Impact) -> Iterable[Warned]:
    """A rollback that reaches more than 5 devices."""
    if impact.devices <= COUNTED_OVER or not any(view.task == "T5" for view in views):
        return ()
    return warned("t5_many_devices", CRITICAL, f"This rollback reaches {impact.devices} devices.")


def nat_without_firewall(views: Sequence[StepView], _impact: Impact) -> Iterable[Warned]:
    """NAT or port forwarding in a network whose firewall rules the plan leaves as they are."""
    guarded = {_place(view) for view in views if view.operation in FIREWALL_OPERATIONS}
    bare = [view for view in views if view.operation in NAT_OPERATIONS and view.kind != "delete"]
    bare = [view for view in bare if _place(view) not in guarded and view.after.get("rules")]
    if not bare:
        return ()
    places = listed(dict.fromkeys(view.where for view in bare))
    text = f"NAT or port forwarding on {places} comes without a firewall rule in the same plan; check who may reach it."
    return warned("t3_nat_without_firewall", WARNING, text)


def _place(view: StepView) -> str:
    return view.network.id if view.network is not None else str(view.params.get("networkId", ""))


def mixed_tasks(views: Sequence[StepView], _impact: Impact) -> Iterable[Warned]:
    """Steps of several tasks in one plan: they run one after the other, never side by side."""
    tasks = sorted({view.task for view in views if view.task in ("T1", "T2", "T3", "T4")})
    if len(tasks) < 2:
        return ()
    text = f"This plan mixes tasks {', '.join(tasks)}; its steps run one after the other in the order shown."
    return warned("t6_mixed_tasks", INFO, text)
