"""Where the id of one resource stands in others, and how such a reference follows a resource that got a new id.

The cloud gives what is made again another id (Cisco documentation; Terraform provider). An undo therefore writes the
new id wherever it restores a value that holds the old one. Fields are named as paths from the end: ``sourceGroup.id``
is an ``id`` inside a ``sourceGroup``; a list of ids has the list's name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.call import Json

REF: Final = "$ref"
TEXT: Final = "$text"  #: a text with ``{step-1.id}`` in it, filled in when it is sent


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a kind of resource is referred to. ``texts`` are forms inside texts, with ``{}`` for the id."""

    fields: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


#: By the operation that creates the referent. Sources: body and response schemas of v1.75.1; facts, section 1.6
REFERENCES: Final[Mapping[str, Reference]] = {
    "createNetworkGroupPolicy": Reference(
        (
            "groupPolicyId",
            "guestGroupPolicyId",
            "dataGroupPolicyId",
            "voiceGroupPolicyId",
            "failedAuthGroupPolicyId",
            "preAuthenticationGroupPolicyId",
        )
    ),
    "createOrganizationPolicyObject": Reference(("objectIds", "policyObjects.id"), ("OBJ({})",)),
    "createOrganizationPolicyObjectsGroup": Reference(("groupIds",), ("GRP({})",)),
    "createNetworkWirelessRfProfile": Reference(("rfProfileId", "rfProfile.id")),
    "createNetworkApplianceRfProfile": Reference(("rfProfileId",)),
    "createNetworkWebhooksHttpServer": Reference(("httpServerIds", "httpServerId", "httpServer.id", "recipients")),
    "createNetworkWebhooksPayloadTemplate": Reference(("payloadTemplateId",)),
    "createOrganizationAdaptivePolicyGroup": Reference(
        (
            "adaptivePolicyGroupId",
            "adaptivePolicyGroup.id",
            "adaptivePolicyGroups.id",
            "sourceGroup.id",
            "destinationGroup.id",
        )
    ),
    "createOrganizationAdaptivePolicyAcl": Reference(("acls.id",)),
    "createNetworkSwitchAccessPolicy": Reference(("accessPolicyNumber",)),
    "createNetworkSwitchPortSchedule": Reference(("portScheduleId",)),
    "createNetworkSwitchLinkAggregation": Reference(("linkAggregationId",)),
    "createNetworkSwitchQosRule": Reference(("ruleIds",)),
    "createNetworkSwitchStack": Reference(("switchStackId", "stackId")),
    "createNetworkFirmwareUpgradesStagedGroup": Reference(("group.id", "assignedGroup.id")),
    "createNetworkFloorPlan": Reference(("floorPlanId", "floorPlan.id")),
    "createNetworkMqttBroker": Reference(("mqttBrokerId", "broker.id")),
    "createNetworkCameraQualityRetentionProfile": Reference(("profileId",)),
    "createNetworkCameraWirelessProfile": Reference(("ids.primary", "ids.secondary", "ids.backup")),
    "createNetworkSensorAlertsProfile": Reference(("profileIds",)),
    "createNetworkWirelessEthernetPortsProfile": Reference(("profileId",)),
    "createNetworkApplianceTrafficShapingCustomPerformanceClass": Reference(("customPerformanceClassId",)),
    "createOrganizationConfigTemplate": Reference(("configTemplateId",)),
    "createOrganizationBrandingPolicy": Reference(("brandingPolicyIds",)),
    "createOrganizationApplianceDnsLocalProfile": Reference(("profile.id",)),
    "createOrganizationApplianceDnsSplitProfile": Reference(("profile.id",)),
    "createOrganizationPoliciesGlobalFirewallRuleset": Reference(("rulesetId", "ruleset.id")),
    "createOrganizationPoliciesGlobalGroupPolicy": Reference(("policyId", "policy.id")),
    "createOrganizationSaseIntegration": Reference(("integrationId",)),
    "createDeviceSwitchRoutingInterface": Reference(("interfaceId",)),
    "createNetworkSwitchStackRoutingInterface": Reference(("interfaceId",)),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """A resource that comes back under another id: ``new`` is that id, or the name of it (``step-3.id``)."""

    maker: str  #: the operation that creates it again
    path: str  #: of the list it is in
    old: str
    new: str
    is_name: bool = True  #: ``new`` names a value that only the step's answer will tell
    network_id: str = ""  #: in which it is; "" the organization. Networks number their things alike


def concerning(moved: Sequence[Moved], network_id: str | None) -> tuple[Moved, ...]:
    """Those to which something of that network may refer; all for what is of the organization (None)."""
    return tuple(one for one in moved if network_id is None or one.network_id in ("", network_id))


def repointed(value: Json, moved: Sequence[Moved]) -> Json:
    """The value with each reference to a moved resource pointing to its new id."""
    for one in moved:
        value = _walked(value, one, REFERENCES.get(one.maker, Reference()), ())
    return value


def repointed_params(
    catalogue: Catalogue, operation_id: str, params: Mapping[str, Json], moved: Sequence[Moved]
) -> dict[str, Json]:
    """The parameters of a call with the ids of moved resources replaced: those in its path, and references."""
    path = catalogue.find(operation_id).path
    found = dict(params)
    for one in moved:
        inside = path.removeprefix(f"{one.path}/") if path.startswith(f"{one.path}/{{") else ""
        name = inside.partition("/")[0][1:-1]
        if name and str(found.get(name)) == one.old:
            found[name] = _new(one)
    return {name: repointed({name: value}, moved)[name] for name, value in found.items()}


def refers(value: Json, maker: str, id_: str) -> bool:
    """Whether a value refers to the resource of that id, made by that operation."""
    probe = Moved(maker, "", id_, "\0")
    return bool(_walked(value, probe, REFERENCES.get(maker, Reference()), ()) != value)


def mentions(value: Json, id_: str) -> bool:
    """Whether the id stands anywhere in the value, in a field of its own."""
    if isinstance(value, Mapping):
        return any(mentions(item, id_) for item in value.values())
    if isinstance(value, list):
        return any(mentions(item, id_) for item in value)
    return isinstance(value, str | int) and not isinstance(value, bool) and str(value) == id_


def _walked(value: Json, moved: Moved, where: Reference, place: tuple[str, ...]) -> Json:
    if isinstance(value, Mapping):
        if set(value) in ({REF}, {TEXT}):
            return _text(value, moved, where) if TEXT in value else value
        return {name: _walked(item, moved, where, (*place, str(name))) for name, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, moved, where, place) for item in value]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    if str(value) == moved.old and any(_ends(place, field) for field in where.fields):
        return _new(moved)
    return _text(value, moved, where) if isinstance(value, str) else value


def _ends(place: tuple[str, ...], field: str) -> bool:
    parts = tuple(field.split("."))
    return place[-len(parts) :] == parts


def _text(value: Json, moved: Moved, where: Reference) -> Json:
    """A text with the forms of the old id replaced; a ``$text`` when the new id is not known yet."""
    text = str(value[TEXT]) if isinstance(value, Mapping) else str(value)
    new = text
    for form in where.texts:
        old, fresh = form.format(moved.old), form.format(f"{{{moved.new}}}" if moved.is_name else moved.new)
        new = fresh.join(re.split(rf"(?<!\w){re.escape(old)}", new))
    if new == text:
        return value
    return {TEXT: new} if moved.is_name or isinstance(value, Mapping) else new


def _new(moved: Moved) -> Json:
    return {REF: moved.new} if moved.is_name else moved.new
