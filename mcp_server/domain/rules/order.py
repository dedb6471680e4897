"""The safety rules in force, as visible lists, and what they ask of the person.

Taking a rule out of ``RULES`` or ``PLAN_RULES`` fails a behavioural test. Where the protocol says double
confirmation, the person types the plan's code; where it says triple, the plan is approved outside the client.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mcp_server.domain.call import Warned
from mcp_server.domain.plan import Impact
from mcp_server.domain.rules import monitoring, plan_wide, security, switching, wireless
from mcp_server.domain.rules.facts import CRITICAL, WARNING, StepView

Rule = Callable[[StepView], Iterable[Warned]]
PlanRule = Callable[[Sequence[StepView], Impact], Iterable[Warned]]

RULES: tuple[Rule, ...] = (
    # T1 wireless
    wireless.psk_too_short,
    wireless.psk_short,
    wireless.open_ssid,
    wireless.open_ssid_on_corporate_net,
    wireless.wpa1_deprecated,
    wireless.splash_without_https,
    wireless.unlimited_guest_bandwidth,
    wireless.ssid_number,
    # T2 switching
    switching.vlan_range,
    switching.vlan_1,
    switching.trunk_on_uplink,
    switching.port_to_own_device,
    switching.trunk_on_access_port,
    switching.port_shutdown,
    switching.sgt_port,
    switching.acl_without_final_allow,
    switching.acl_allow_all_not_last,
    # T3 security
    security.deny_any_any,
    security.allow_any_any,
    security.allow_all_not_last,
    security.allow_all_removed,
    security.default_rule_changed,
    security.deny_rule,
    security.broad_cidr,
    security.cidr_form,
    security.port_range,
    security.vpn_psk_short,
    security.vpn_settles_slowly,
    security.nat_open_to_all,
    # T4 monitoring
    monitoring.snmp_community,
    monitoring.snmp_prefer_v3,
    monitoring.syslog_plaintext,
    monitoring.firmware_window,
    monitoring.camera_retention,
    monitoring.external_webhook,
    monitoring.webhook_plaintext,
)

PLAN_RULES: tuple[PlanRule, ...] = (
    plan_wide.list_shortened,
    plan_wide.many_switches,
    plan_wide.gradual_rollout,
    plan_wide.rollback_of_many,
    plan_wide.nat_without_firewall,
    plan_wide.mixed_tasks,
)

#: The plan is refused: the cloud would say no, or the protocol says never.
REFUSED = frozenset({
    "t1_psk_too_short", "t1_ssid_number", "t2_vlan_range", "t2_sgt_port", "t3_cidr_form", "t3_port_range",
    "t4_snmp_community",
})  # fmt: skip

#: Double confirmation: the person types the plan's code.
TYPED_CODE = frozenset({
    "t1_open_ssid_on_corporate_net", "t2_port_shutdown", "t2_acl_without_final_allow", "t2_acl_allow_all_not_last",
    "t3_allow_any_any", "t3_allow_all_removed", "t3_default_rule_changed", "t3_deny_rule", "t3_broad_cidr",
    "t3_vpn_psk_short", "t5_many_devices",
})  # fmt: skip

#: Triple confirmation: approved outside the client.
OUTSIDE = frozenset({"t3_deny_any_any"})

#: Say yes, type the plan's code, approve outside the client.
CONFIRMATIONS = ("single", "typed_code", "outside")

SHOWN_PER_RULE = 3
_RANK = {CRITICAL: 0, WARNING: 1}


def warnings(view: StepView) -> tuple[Warned, ...]:
    """What the rules say of one step, in the order of ``RULES``."""
    return tuple(warned for rule in RULES for warned in rule(view))


def plan_warnings(views: Sequence[StepView], impact: Impact, *, is_rollback: bool = False) -> tuple[Warned, ...]:
    """What the rules say of a plan, critical first; of one rule at most 3 messages and then how many more there are."""
    if is_rollback:
        views = [replace(view, task="T5") for view in views]
    found = [warned for view in views for warned in warnings(view)]
    found += [warned for rule in PLAN_RULES for warned in rule(views, impact)]
    return tuple(sorted(_shortened(dict.fromkeys(found)), key=lambda warned: _RANK.get(warned.severity, 2)))


def _shortened(found: Iterable[Warned]) -> Iterable[Warned]:
    by_rule: dict[str, list[Warned]] = {}
    for warned in found:
        by_rule.setdefault(warned.rule, []).append(warned)
    for rule, same in by_rule.items():
        yield from same[:SHOWN_PER_RULE]
        if len(same) > SHOWN_PER_RULE:
            rest = len(same) - SHOWN_PER_RULE
            yield Warned(rule, same[0].severity, f"The same holds for {rest} more targets of this plan.")


def confirmations(found: Iterable[Warned]) -> str:
    """What the person must do: one of ``CONFIRMATIONS``, the strictest that a warning asks for."""
    rules = {warned.rule for warned in found}
    if rules & OUTSIDE:
        return "outside"
    return "typed_code" if rules & TYPED_CODE else "single"


def refusals(found: Iterable[Warned], *, is_rollback: bool = False) -> tuple[Warned, ...]:
    """The warnings for which a plan is refused; none for a rollback, which may restore what was there before."""
    return () if is_rollback else tuple(warned for warned in found if warned.rule in REFUSED)
