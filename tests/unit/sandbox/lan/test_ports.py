"""Switch ports: locks, types, and what a wrong setting cuts off."""

import pytest

from mcp_server.sandbox.behaviours.lan.switch_ports import PROFILE_BOUND, SGT_LOCKED
from tests.support.simulated import Json, Simulated


class Campus(Simulated):
    """The campus by its parts."""

    def __init__(self) -> None:
        """Finds the switches by name."""
        super().__init__()
        self.by_name = {
            one["name"]: serial for serial, one in self.world.devices.items() if one["networkId"] == self.campus
        }
        self.core = self.by_name["Núcleo São Paulo"]

    def port(self, serial: str, number: str) -> str:
        """The path of a port."""
        return f"/devices/{serial}/switch/ports/{number}"

    def offline(self) -> set[str]:
        """The names of the campus's devices that are offline now."""
        rows = self.get(f"/organizations/{self.organization}/devices/availabilities")
        return {one["name"] for one in rows if one["status"] == "offline"}


@pytest.fixture
def campus() -> Campus:
    """A new world."""
    return Campus()


def test_a_trustsec_port_refuses_every_write_with_the_known_text(campus: Campus) -> None:
    """Even a name; nothing changes."""
    path = campus.port(campus.by_name["Catalyst Andar 2"], "1")
    assert campus.refused("PUT", path, {"name": "x"}) == SGT_LOCKED
    assert campus.get(path)["peerSgtCapable"] is True


def test_a_port_beside_the_trustsec_ports_is_writable(campus: Campus) -> None:
    """The lock is on ports, not on the switch."""
    path = campus.port(campus.by_name["Catalyst Andar 2"], "20")
    assert campus.put(path, {"name": "x", "vlan": 20})["vlan"] == 20


def test_a_profile_bound_port_takes_its_name_and_refuses_its_vlan(campus: Campus) -> None:
    """The refusal is the cloud's text; taking the profile away frees the port."""
    path = campus.port(campus.by_name["Catalyst Andar 2"], "10")
    assert campus.refused("PUT", path, {"vlan": 20}) == PROFILE_BOUND
    assert campus.put(path, {"name": "ok"})["name"] == "ok"
    assert campus.put(path, {"profile": {"enabled": False}, "vlan": 20})["vlan"] == 20


def test_a_monitored_catalyst_is_read_only(campus: Campus) -> None:
    """400 for a port write; reads work."""
    path = campus.port(campus.by_name["Catalyst Andar 3"], "5")
    assert "read-only" in campus.refused("PUT", path, {"name": "x"})
    assert campus.get(path)["portId"] == "5"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"vlan": 4095}, "between 1 and 4094"),
        ({"vlan": "10"}, "must be an integer"),
        ({"type": "hybrid"}, "must be one of"),
        ({"type": "routed"}, "not supported"),
        ({"peerSgtCapable": True}, "trunk"),
        ({"accessPolicyType": "Custom access policy", "accessPolicyNumber": 77}, "Access policy number"),
        ({"portScheduleId": "1"}, "Port schedule"),
        ({"allowedVlans": "ten"}, "Allowed VLANs"),
        ({"linkNegotiation": "9 Gigabit"}, "Link negotiation"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(campus: Campus, body: Json, word: str) -> None:
    """400 with a text that names it, and nothing changed."""
    campus.get(campus.port(campus.core, "20"))
    assert word in campus.refused("PUT", campus.port(campus.core, "20"), body)


def test_unknown_and_read_only_fields_are_ignored_and_null_clears(campus: Campus) -> None:
    """What was read can be sent back with more in it; null empties a name."""
    path = campus.port(campus.core, "20")
    whole = campus.get(path)
    assert campus.put(path, whole | {"nonsense": 1, "portId": "99", "name": "a"}) == whole | {"name": "a"}
    assert campus.put(path, {"name": None})["name"] is None


def test_a_port_turned_trunk_loses_voice_vlan_and_policy(campus: Campus) -> None:
    """What the type does not have is gone, so going back must bring it again."""
    path = campus.port(campus.core, "20")
    campus.put(path, {"voiceVlan": 20, "accessPolicyType": "MAC allow list", "macAllowList": ["00:11:22:33:44:55"]})
    trunk = campus.put(path, {"type": "trunk"})
    assert (trunk["voiceVlan"], trunk["accessPolicyType"], "macAllowList" in trunk) == (None, "Open", False)
    assert "macWhitelistLimit" not in trunk


def test_a_shut_uplink_port_takes_the_switch_and_its_access_point_offline_after_a_moment(campus: Campus) -> None:
    """Not at once; then both, an alert, a history row; undone, all come back and the alert is resolved."""
    path = campus.port(campus.core, "47")
    before = campus.world.dump()["configuration"]
    alerts = f"/organizations/{campus.organization}/assurance/alerts"
    campus.put(path, {"enabled": False})
    assert campus.offline() == set()
    campus.world.advance(campus.world.settle_s)
    assert campus.offline() == {"Switch Laboratório", "AP Diretoria", "AP Refeitório"}
    assert {one["scope"]["devices"][0]["name"] for one in campus.get(alerts)} == campus.offline()
    campus.put(path, {"enabled": True})
    assert campus.offline() == {"Switch Laboratório", "AP Diretoria", "AP Refeitório"}
    campus.world.advance(campus.world.settle_s)
    assert campus.offline() == set()
    assert campus.get(alerts) == []
    assert len(campus.get(f"/organizations/{campus.organization}/devices/availabilities/changeHistory")) == 6
    assert campus.world.dump()["configuration"] == before


def test_an_outage_that_is_undone_within_the_moment_is_never_seen(campus: Campus) -> None:
    """No history, no alert."""
    path = campus.port(campus.core, "47")
    campus.put(path, {"enabled": False})
    campus.world.advance(1)
    campus.put(path, {"enabled": True})
    campus.world.advance(3600)
    assert campus.offline() == set()
    assert campus.get(f"/organizations/{campus.organization}/devices/availabilities/changeHistory") == []


@pytest.mark.parametrize(
    "body", [{"vlan": 20}, {"type": "access", "vlan": 20}, {"allowedVlans": "10,20"}, {"type": "trunk", "vlan": None}]
)
def test_an_uplink_that_no_longer_carries_the_management_vlan_cuts_off(campus: Campus, body: Json) -> None:
    """The wrong native VLAN, the wrong access VLAN, a list without it."""
    campus.put(campus.port(campus.core, "51"), body)
    campus.world.advance(60)
    assert "Switch Recepção" in campus.offline()


def test_a_switch_can_cut_itself_off_by_its_own_uplink(campus: Campus) -> None:
    """Its own side of the cable counts too."""
    campus.put(campus.port(campus.by_name["Switch Recepção"], "10"), {"enabled": False})
    campus.world.advance(60)
    assert {"Switch Recepção", "AP Recepção", "Câmera Portaria"} <= campus.offline()


def test_an_access_point_without_power_is_offline(campus: Campus) -> None:
    """PoE off on its port."""
    campus.put(campus.port(campus.core, "1"), {"poeEnabled": False})
    campus.world.advance(60)
    assert campus.offline() == {"AP Auditório"}


def test_the_appliances_port_takes_the_whole_site(campus: Campus) -> None:
    """The core hangs on it, and all that hangs on the core; the appliance itself stays."""
    campus.put(campus.mx("ports/5"), {"enabled": False})
    campus.world.advance(60)
    offline = campus.offline()
    assert {"Núcleo São Paulo", "AP Recepção"} <= offline
    assert "MX Matriz" not in offline


def test_tunnels_fall_with_their_appliance(campus: Campus) -> None:
    """An appliance whose uplinks are off is offline and unreachable for its peers."""
    mx = campus.by_name["MX Matriz"]
    off = {"interfaces": {"wan1": {"enabled": False}, "wan2": {"enabled": False}}}
    assert campus.ask("PUT", f"/devices/{mx}/appliance/uplinks/settings", off).status == 200
    campus.world.advance(60)
    rows = campus.get(f"/organizations/{campus.organization}/appliance/vpn/statuses")
    assert next(one for one in rows if one["deviceSerial"] == mx)["deviceStatus"] == "offline"
    others = [peer for one in rows if one["deviceSerial"] != mx for peer in one["merakiVpnPeers"]]
    assert {p["reachability"] for p in others if p["networkId"] == campus.campus} == {"unreachable"}


def test_a_reboot_takes_a_device_and_what_hangs_on_it_away_for_a_while(campus: Campus) -> None:
    """Offline at once, back after the time of a restart."""
    assert campus.ask("POST", f"/devices/{campus.by_name['Switch Recepção']}/reboot").status == 200
    assert campus.offline() == {"Switch Recepção", "AP Recepção", "Câmera Portaria"}
    campus.world.advance(91)
    assert campus.offline() == set()


def test_a_client_in_the_wrong_vlan_is_lost_and_comes_back(campus: Campus) -> None:
    """The machine on a port goes offline when the port's VLAN is not its own."""
    path = campus.port(campus.core, "6")

    def online() -> int:
        return int(campus.get(f"/networks/{campus.campus}/clients/overview")["counts"]["total"])

    before = online()
    campus.put(path, {"vlan": 20})
    assert online() == before - 1
    campus.put(path, {"vlan": 10})
    assert online() == before


def test_the_state_of_a_port_follows_its_cable(campus: Campus) -> None:
    """Connected with something on it; a shut one says so; the far end counts."""
    states = f"/devices/{campus.core}/switch/ports/statuses"

    def state(number: str) -> tuple[str, list[str]]:
        port = next(one for one in campus.get(states) if one["portId"] == number)
        return port["status"], port["errors"]

    assert state("51") == ("Connected", [])
    campus.put(campus.port(campus.by_name["Switch Recepção"], "10"), {"enabled": False})
    assert state("51") == ("Disconnected", ["Port disconnected"])
    campus.put(campus.port(campus.core, "47"), {"enabled": False})
    assert state("47") == ("Disconnected", ["Port disabled"])


def test_ports_of_a_catalyst_are_not_cycled(campus: Campus) -> None:
    """400 for the Catalyst, 200 for the others."""
    body = {"ports": ["7"]}
    assert campus.ask("POST", f"/devices/{campus.by_name['Catalyst Andar 2']}/switch/ports/cycle", body).status == 400
    assert campus.ask("POST", f"/devices/{campus.core}/switch/ports/cycle", body).status == 200
