"""Group policies, policy objects and their groups behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated


def policies(cloud: Simulated, key: str = "") -> str:
    """The path of the campus's group policies, or of one."""
    return f"/networks/{cloud.campus}/groupPolicies" + (f"/{key}" if key else "")


def objects(cloud: Simulated, tail: str = "") -> str:
    """A path among the organization's policy objects."""
    return f"/organizations/{cloud.organization}/policyObjects{tail}"


# Group policies


def test_a_group_policy_is_read_with_its_name(cloud: Simulated) -> None:
    """Though the schema leaves it out."""
    assert [one["name"] for one in cloud.get(policies(cloud))] == ["Guests", "Executives"]


def test_a_group_policy_made_again_has_a_new_id(cloud: Simulated) -> None:
    """Ids are never used twice, not even those of the start."""
    cloud.delete(policies(cloud, "101"))
    first = cloud.post(policies(cloud), {"name": "Executives"})["groupPolicyId"]
    cloud.delete(policies(cloud, first))
    second = cloud.post(policies(cloud), {"name": "Executives"})["groupPolicyId"]
    assert len({"100", "101", first, second}) == 4


def test_a_group_policy_starts_as_the_network(cloud: Simulated) -> None:
    """Everything is network default."""
    made = cloud.post(policies(cloud), {"name": "Plain"})
    assert made["bandwidth"] == {"settings": "network default", "bandwidthLimits": {"limitUp": None, "limitDown": None}}
    assert made["vlanTagging"] == {"settings": "network default"}


def test_nested_settings_of_a_group_policy_merge(cloud: Simulated) -> None:
    """Limits stay when only the settings word is sent."""
    shown = cloud.put(policies(cloud, "100"), {"bandwidth": {"settings": "ignore"}})
    assert shown["bandwidth"]["bandwidthLimits"] == {"limitUp": 5000, "limitDown": 10000}


def test_a_vlan_tag_shows_only_while_it_tags(cloud: Simulated) -> None:
    """Back to the network's default it is gone."""
    shown = cloud.put(policies(cloud, "100"), {"vlanTagging": {"settings": "custom", "vlanId": "20"}})
    assert shown["vlanTagging"]["vlanId"] == "20"
    shown = cloud.put(policies(cloud, "100"), {"vlanTagging": {"settings": "network default"}})
    assert shown["vlanTagging"] == {"settings": "network default"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "Executives"}, "already been taken"),
        ({"name": ""}, "blank"),
        ({"bandwidth": {"settings": "fast"}}, "bandwidth[settings]"),
        ({"vlanTagging": {"settings": "custom"}}, "vlanId"),
        ({"vlanTagging": {"settings": "custom", "vlanId": "5000"}}, "vlanId"),
        ({"vlanTagging": {"settings": "sometimes"}}, "vlanTagging[settings]"),
        ({"splashAuthSettings": "maybe"}, "must be one of"),
        ({"contentFiltering": {"blockedUrlCategories": {"settings": "override", "categories": ["x"]}}}, "category"),
        ({"contentFiltering": {"allowedUrlPatterns": {"settings": "custom"}}}, "allowedUrlPatterns"),
        (
            {"firewallAndTrafficShaping": {"l3FirewallRules": [
                {"policy": "deny", "protocol": "gre", "destCidr": "any"}]}},
            "Invalid protocol",
        ),
        (
            {"firewallAndTrafficShaping": {"l3FirewallRules": [
                {"policy": "deny", "protocol": "tcp", "destCidr": "OBJ(1)"}]}},
            "Invalid CIDR",
        ),
        (
            {"firewallAndTrafficShaping": {"l3FirewallRules": [
                {"policy": "deny", "protocol": "tcp", "destCidr": "any", "destPort": "x"}]}},
            "destPort",
        ),
        (
            {"firewallAndTrafficShaping": {"l7FirewallRules": [{"policy": "deny", "type": "host", "value": "a b"}]}},
            "rules[0]",
        ),
    ],
)  # fmt: skip
def test_a_group_policy_that_does_not_fit_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """Names, words, tags, categories and rules are checked."""
    assert text in cloud.refused("PUT", policies(cloud, "100"), body)


def test_a_name_is_required_on_creation(cloud: Simulated) -> None:
    """Without it there is no policy."""
    assert "name" in cloud.refused("POST", policies(cloud), {"bandwidth": {"settings": "ignore"}})


def test_a_group_policy_is_kept_while_a_vlan_has_it(cloud: Simulated) -> None:
    """Forcing does not help against settings."""
    cloud.put(cloud.mx("vlans/20"), {"groupPolicyId": "100"})
    assert "in use by appliance/vlans" in cloud.refused("DELETE", policies(cloud, "100"))
    assert "in use" in cloud.refused("DELETE", policies(cloud, "100"), force="true")
    cloud.put(cloud.mx("vlans/20"), {"groupPolicyId": None})
    cloud.delete(policies(cloud, "100"))


def test_a_group_policy_is_kept_while_an_ssid_has_it(cloud: Simulated) -> None:
    """By device type, where the id is written as a number."""
    path = f"/networks/{cloud.campus}/wireless/ssids/0/deviceTypeGroupPolicies"
    rows = [{"deviceType": "Android", "devicePolicy": "Group policy", "groupPolicyId": 100}]
    cloud.put(path, {"enabled": True, "deviceTypePolicies": rows})
    assert "in use" in cloud.refused("DELETE", policies(cloud, "100"))


def test_forcing_takes_a_group_policy_from_clients(cloud: Simulated) -> None:
    """Without it they keep it alive."""
    path = f"/networks/{cloud.campus}/clients/k1/policy"
    cloud.world.resources[path] = {"devicePolicy": "Group policy", "groupPolicyId": "101"}
    assert "in use" in cloud.refused("DELETE", policies(cloud, "101"))
    assert cloud.ask("DELETE", policies(cloud, "101"), force="true").status == 204
    assert path not in cloud.world.resources


def test_a_missing_group_policy_is_not_found(cloud: Simulated) -> None:
    """Reading, writing and deleting alike."""
    for method in ("GET", "PUT", "DELETE"):
        assert cloud.ask(method, policies(cloud, "999"), {}).status == 404


# Policy objects


def test_an_object_names_its_groups_and_networks(cloud: Simulated) -> None:
    """Networks whose rules name it or its group, those of a template included."""
    rows = {one["name"]: one for one in cloud.get(objects(cloud))}
    assert rows["DNS-primary"]["networkIds"] == [cloud.campus, cloud.shop]
    assert len(rows["DNS-primary"]["groupIds"]) == 1
    assert rows["Updates"]["networkIds"] == []


def test_an_object_is_kept_while_a_rule_names_it(cloud: Simulated) -> None:
    """Also before anybody has looked at the rules."""
    key = next(one["id"] for one in cloud.get(objects(cloud)) if one["name"] == "Payroll-server")
    fresh = Simulated()
    path = fresh.mx("firewall/l3FirewallRules")[1:]
    assert path in fresh.refused("DELETE", objects(fresh, f"/{key}"))


def test_an_object_is_kept_while_a_group_holds_it(cloud: Simulated) -> None:
    """It leaves its group first."""
    made = cloud.post(objects(cloud), {"name": "Temp", "category": "network", "type": "cidr", "cidr": "10.0.0.1/32"})
    group = cloud.post(objects(cloud, "/groups"), {"name": "Temps", "objectIds": [made["id"]]})
    assert "in use by group 'Temps'" in cloud.refused("DELETE", objects(cloud, f"/{made['id']}"))
    cloud.put(objects(cloud, f"/groups/{group['id']}"), {"objectIds": []})
    cloud.delete(objects(cloud, f"/{made['id']}"))
    cloud.delete(objects(cloud, f"/groups/{group['id']}"))


def test_an_object_made_again_has_another_id(cloud: Simulated) -> None:
    """Rules that named the old one must be rewritten."""
    body = {"name": "Temp", "category": "network", "type": "fqdn", "fqdn": "temp.example.com"}
    first = cloud.post(objects(cloud), body)
    cloud.delete(objects(cloud, f"/{first['id']}"))
    assert cloud.post(objects(cloud), body)["id"] != first["id"]
    assert cloud.ask("GET", objects(cloud, f"/{first['id']}")).status == 404


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "Updates", "category": "network", "type": "cidr", "cidr": "10.0.0.0/8"}, "already been taken"),
        ({"name": "A/B", "category": "network", "type": "cidr", "cidr": "10.0.0.0/8"}, "alphanumeric"),
        ({"name": "A", "category": "network", "type": "cidr", "cidr": "10.0.0.0/40"}, "Invalid CIDR"),
        ({"name": "A", "category": "network", "type": "cidr"}, "Invalid CIDR"),
        ({"name": "A", "category": "network", "type": "fqdn", "fqdn": "no"}, "FQDN"),
        ({"name": "A", "category": "adaptivePolicy", "type": "cidr", "cidr": "10.0.0.0/8"}, "does not fit"),
        ({"name": "A", "category": "network", "type": "ipAndMask"}, "must be one of"),
        (
            {"name": "A", "category": "network", "type": "cidr", "cidr": "10.0.0.0/8", "groupIds": ["1"]},
            "does not exist",
        ),
    ],
)
def test_an_object_that_does_not_fit_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """Names, kinds and values are checked."""
    assert text in cloud.refused("POST", objects(cloud), body)


def test_the_type_of_an_object_never_changes(cloud: Simulated) -> None:
    """Only the name, the value of its type and its groups are taken."""
    one = next(one for one in cloud.get(objects(cloud)) if one["name"] == "Updates")
    shown = cloud.put(objects(cloud, f"/{one['id']}"), {"cidr": "10.0.0.0/8", "type": "cidr"})
    assert shown == one


def test_groups_of_an_object_are_kept_on_both_sides(cloud: Simulated) -> None:
    """Written on the object, read on the group."""
    one = next(one for one in cloud.get(objects(cloud)) if one["name"] == "Updates")
    group = cloud.get(objects(cloud, "/groups"))[0]
    cloud.put(objects(cloud, f"/{one['id']}"), {"groupIds": [group["id"]]})
    assert one["id"] in cloud.get(objects(cloud, f"/groups/{group['id']}"))["objectIds"]
    cloud.put(objects(cloud, f"/{one['id']}"), {"groupIds": []})
    assert cloud.get(objects(cloud, f"/groups/{group['id']}")) == group


def test_a_group_is_kept_while_a_rule_names_it(cloud: Simulated) -> None:
    """Taking the rule away lets it go, and its objects stay."""
    group = cloud.get(objects(cloud, "/groups"))[0]
    assert "in use" in cloud.refused("DELETE", objects(cloud, f"/groups/{group['id']}"))
    template = cloud.world.networks[cloud.shop]["configTemplateId"]
    for network in (cloud.campus, template):
        cloud.put(cloud.mx("firewall/l3FirewallRules", network), {"rules": []})
    cloud.delete(objects(cloud, f"/groups/{group['id']}"))
    assert len(cloud.get(objects(cloud))) == 4


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "DNS-servers"}, "already been taken"),
        ({"name": "G", "category": "Zoo"}, "category"),
        ({"name": "G", "objectIds": ["1"]}, "does not exist"),
        ({"name": "G", "objectIds": ["1"] * 151}, "at most 150"),
    ],
)
def test_a_group_that_does_not_fit_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """Names, categories and members are checked."""
    assert text in cloud.refused("POST", objects(cloud, "/groups"), body)


def test_an_organization_does_not_know_the_objects_of_another(cloud: Simulated) -> None:
    """A rule of the twin cannot name them."""
    key = cloud.get(objects(cloud))[0]["id"]
    rule = {"policy": "deny", "protocol": "any", "srcCidr": "any", "destCidr": f"OBJ({key})"}
    path = cloud.mx("firewall/l3FirewallRules", cloud.twin)
    assert "which don't exist" in cloud.refused("PUT", path, {"rules": [rule]})
