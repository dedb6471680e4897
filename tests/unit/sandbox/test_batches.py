"""Action batches: bounds, order, all or nothing."""

import pytest

from tests.support.simulated import Json, Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def _batches(cloud: Simulated) -> str:
    return f"/organizations/{cloud.organization}/actionBatches"


def _vlan(cloud: Simulated, number: int) -> Json:
    body = {"id": str(number), "name": f"V{number}", "subnet": f"10.{number}.0.0/24", "applianceIp": f"10.{number}.0.1"}
    return {"resource": cloud.mx("vlans"), "operation": "create", "body": body}


def test_a_synchronous_batch_is_done_when_it_is_answered_and_names_what_it_made(cloud: Simulated) -> None:
    """201, completed, the created ids and where they are."""
    actions = [_vlan(cloud, 71), _vlan(cloud, 72)]
    batch = cloud.post(_batches(cloud), {"confirmed": True, "synchronous": True, "actions": actions})
    assert batch["status"]["completed"] is True
    made = batch["status"]["createdResources"]
    assert [one["uri"] for one in made] == [cloud.mx("vlans/71"), cloud.mx("vlans/72")]
    assert cloud.get(cloud.mx("vlans/72"))["name"] == "V72"


def test_one_failing_action_leaves_nothing_of_the_batch(cloud: Simulated) -> None:
    """400 with the text of the one that failed; the ones before it are undone, the log too."""
    cloud.get(cloud.mx("vlans"))
    actions = [_vlan(cloud, 71), _vlan(cloud, 71)]
    text = cloud.refused("POST", _batches(cloud), {"confirmed": True, "synchronous": True, "actions": actions})
    assert text.startswith(f"Error occurred while executing create {cloud.mx('vlans')}")
    assert cloud.world.changes == []
    assert cloud.get(_batches(cloud)) == []


def test_actions_run_in_their_order(cloud: Simulated) -> None:
    """Updating before creating fails, creating before updating and destroying goes through."""
    path = cloud.mx("vlans/71")
    update = {"resource": path, "operation": "update", "body": {"name": "Later"}}
    destroy = {"resource": path, "operation": "destroy"}
    body = {"confirmed": True, "synchronous": True}
    cloud.refused("POST", _batches(cloud), body | {"actions": [update, _vlan(cloud, 71)]})
    assert cloud.post(_batches(cloud), body | {"actions": [_vlan(cloud, 71), update, destroy]})["status"]["completed"]


@pytest.mark.parametrize(("synchronous", "most"), [(True, 20), (False, 100)])
def test_a_batch_has_a_greatest_size(cloud: Simulated, synchronous: bool, most: int) -> None:
    """20 at once, 100 in the background, not one more."""
    action = {"resource": f"/networks/{cloud.campus}/switch/qosRules", "operation": "create", "body": {"vlan": 10}}
    body = {"confirmed": False, "synchronous": synchronous}
    assert str(most) in cloud.refused("POST", _batches(cloud), body | {"actions": [action] * (most + 1)})
    assert cloud.ask("POST", _batches(cloud), body | {"actions": [action] * most}).status == 201


def test_an_asynchronous_batch_is_seen_waiting_and_then_done(cloud: Simulated) -> None:
    """Pending at first and nothing stored; done after its time, by the clock or by polling."""
    for look in (lambda path: cloud.world.advance(5), lambda path: [cloud.get(path) for _ in range(3)]):
        number = 71 + len(cloud.get(_batches(cloud)))
        batch = cloud.post(_batches(cloud), {"confirmed": True, "actions": [_vlan(cloud, number)]})
        assert batch["status"]["completed"] is False
        assert cloud.ask("GET", cloud.mx(f"vlans/{number}")).status == 404
        look(f"{_batches(cloud)}/{batch['id']}")
        assert cloud.get(cloud.mx(f"vlans/{number}"))["name"] == f"V{number}"
        assert cloud.get(f"{_batches(cloud)}/{batch['id']}")["status"]["completed"] is True


def test_a_failed_asynchronous_batch_says_why_and_did_nothing(cloud: Simulated) -> None:
    """Failed with the texts; the first action's VLAN is not there."""
    batch = cloud.post(_batches(cloud), {"confirmed": True, "actions": [_vlan(cloud, 71), _vlan(cloud, 71)]})
    cloud.world.advance(5)
    status = cloud.get(f"{_batches(cloud)}/{batch['id']}")["status"]
    assert (status["failed"], status["completed"], len(status["errors"])) == (True, False, 1)
    assert cloud.ask("GET", cloud.mx("vlans/71")).status == 404


def test_a_sixth_running_batch_is_refused_with_the_text_that_clients_wait_for(cloud: Simulated) -> None:
    """Five may run; the text has 'executing batches'; when one is done the next may start."""
    for number in range(71, 76):
        cloud.post(_batches(cloud), {"confirmed": True, "actions": [_vlan(cloud, number)]})
    sixth = {"confirmed": True, "actions": [_vlan(cloud, 76)]}
    assert "executing batches" in cloud.refused("POST", _batches(cloud), sixth)
    cloud.world.advance(5)
    assert cloud.ask("POST", _batches(cloud), sixth).status == 201


def test_an_unconfirmed_batch_does_nothing_until_it_is_confirmed(cloud: Simulated) -> None:
    """It can be deleted before, not after."""
    batch = cloud.post(_batches(cloud), {"confirmed": False, "synchronous": True, "actions": [_vlan(cloud, 71)]})
    path = f"{_batches(cloud)}/{batch['id']}"
    cloud.world.advance(3600)
    assert cloud.ask("GET", cloud.mx("vlans/71")).status == 404
    assert cloud.put(path, {"confirmed": True})["status"]["completed"] is True
    assert cloud.get(cloud.mx("vlans/71"))["name"] == "V71"
    cloud.refused("DELETE", path)
    cloud.refused("PUT", path, {"confirmed": False})


def test_what_cannot_be_batched_or_is_elsewhere_is_refused(cloud: Simulated) -> None:
    """Another organization's network, an operation without a batch verb, an unknown verb."""
    body = {"confirmed": True, "synchronous": True}
    for action in (
        {"resource": f"/networks/{cloud.twin}/switch/qosRules", "operation": "create", "body": {"vlan": 1}},
        {"resource": f"/networks/{cloud.campus}/snmp", "operation": "update", "body": {"access": "none"}},
        {"resource": f"/networks/{cloud.campus}", "operation": "explode", "body": {}},
    ):
        cloud.refused("POST", _batches(cloud), body | {"actions": [action]})


def test_a_batch_is_bound_by_the_same_locks_as_single_calls(cloud: Simulated) -> None:
    """A TrustSec port among others fails the whole batch."""
    managed = next(s for s in cloud.world.devices if cloud.world.hidden[f"/devices/{s}"]["catalyst"] == "managed")
    cloud.get(f"/devices/{managed}/switch/ports")
    actions = [
        {"resource": f"/devices/{managed}/switch/ports/{port}", "operation": "update", "body": {"name": "x"}}
        for port in ("20", "1")
    ]
    body = {"confirmed": True, "synchronous": True, "actions": actions}
    assert "Peer SGT capable is read-only" in cloud.refused("POST", _batches(cloud), body)


def test_ids_of_a_batch_that_failed_are_not_handed_out_again(cloud: Simulated) -> None:
    """What was undone had ids; the next thing made has a later one."""
    rule = {"resource": f"/networks/{cloud.campus}/switch/qosRules", "operation": "create", "body": {"vlan": 10}}
    first = int(cloud.world.new_id())
    broken = rule | {"body": {"vlan": 9999}}
    cloud.refused("POST", _batches(cloud), {"confirmed": True, "synchronous": True, "actions": [rule, broken]})
    assert int(cloud.world.new_id()) > first + 2
