"""Reads shared within one call."""

import asyncio

import pytest

from mcp_server.catalogue.shared_reads import SharedReads, matches
from mcp_server.domain.plan import Reader
from mcp_server.domain.ports import Reply
from mcp_server.errors import BadAnswer, InvalidArguments, NotAllowed, Rejected, Unreachable
from tests.support.fake_api import FakeApi
from tests.support.fake_clock import FakeClock
from tests.support.shipped import CATALOGUE

NETWORK = Reader("getNetwork", {"networkId": "N_1"})


def reads_of(api: FakeApi, clock: FakeClock | None = None) -> SharedReads:
    """The reads of one call."""
    return SharedReads(api, CATALOGUE, clock or FakeClock())


async def test_the_same_request_is_sent_once() -> None:
    """Two readers of one resource cost one request; number and text of an id are the same request."""
    api = FakeApi({"/networks/12": {"id": "12"}})
    reads = reads_of(api)
    await reads.read("getNetwork", {"networkId": "12"})
    await reads.read("getNetwork", {"networkId": 12})
    assert api.paths == ["/networks/12"]


async def test_whose_a_resource_is_goes_with_each_read_once_it_is_known() -> None:
    """Its path does not tell, and whoever paces the requests must know."""
    api = FakeApi({"/devices/Q-1": {"serial": "Q-1"}})
    reads = reads_of(api)
    await reads.read("getDevice", {"serial": "Q-1"})
    reads.are_of("7")
    await reads.resource(Reader("getDevice", {"serial": "Q-1"}), fresh=True)
    of_another = SharedReads(api, CATALOGUE, FakeClock(), "8")
    await of_another.read("getDevice", {"serial": "Q-1"})
    assert [request.organization_id for request in api.requests] == ["", "7", "8"]


async def test_a_reader_alone_sends_its_request_itself_and_it_is_counted() -> None:
    """No task stands between it and the answer; a request that fails counts too, and what was wrong is told."""
    api = FakeApi({"/networks/N_1": {"id": "N_1"}, "/networks/N_2": Unreachable("gone", sent=False)})
    reads = reads_of(api)
    before = asyncio.all_tasks()
    api.gate = asyncio.Event()
    waiting = asyncio.create_task(reads.read_alone("getNetwork", {"networkId": "N_1"}))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == {waiting}
    api.gate.set()
    assert (await waiting).data == {"id": "N_1"}
    with pytest.raises(Unreachable):
        await reads.read_alone("getNetwork", {"networkId": "N_2"})
    with pytest.raises(InvalidArguments):
        await reads.read_alone("updateNetwork", {"networkId": "N_1"})
    assert reads.calls == 2


async def test_a_reader_alone_that_goes_away_takes_its_request_along() -> None:
    """Nobody else waits for it."""
    api = FakeApi({"/networks/N_1": {"id": "N_1"}})
    api.gate = asyncio.Event()
    reads, before = reads_of(api), asyncio.all_tasks()
    waiting = asyncio.create_task(reads.read_alone("getNetwork", {"networkId": "N_1"}))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    api.gate.set()
    await asyncio.sleep(0)
    assert (waiting.cancelled(), asyncio.all_tasks(), reads.calls) == (True, before, 0)


async def test_a_reader_alone_takes_what_its_call_has_read() -> None:
    """Nothing is fetched twice within a call."""
    api = FakeApi({"/networks/N_1": {"id": "N_1"}})
    reads = reads_of(api)
    await reads.resource(NETWORK)
    assert (await reads.read_alone("getNetwork", {"networkId": "N_1"})).data == {"id": "N_1"}
    assert len(api.requests) == 1


async def test_another_query_is_another_request() -> None:
    """Only identical requests are shared."""
    api = FakeApi({"/networks/N_1/clients": []})
    reads = reads_of(api)
    await reads.read("getNetworkClients", {"networkId": "N_1", "timespan": 60})
    await reads.read("getNetworkClients", {"networkId": "N_1", "timespan": 61})
    assert len(api.requests) == 2


async def test_concurrent_identical_reads_share_one_request() -> None:
    """Both wait for the one that is under way."""
    api = FakeApi({"/networks/N_1": {"id": "N_1"}})
    api.gate = asyncio.Event()
    reads = reads_of(api)
    first, second = (asyncio.create_task(reads.resource(NETWORK)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    api.gate.set()
    assert await first == await second == {"id": "N_1"}
    assert len(api.requests) == 1


async def test_a_failed_read_fails_for_everybody_and_stays_failed() -> None:
    """Nobody gets an empty answer, and the failing request is not sent again on its own."""
    api = FakeApi({"/networks/N_1": Unreachable("no route", sent=False)})
    reads = reads_of(api)
    results = await asyncio.gather(*(reads.resource(NETWORK) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unreachable) for result in results)
    with pytest.raises(Unreachable):
        await reads.resource(NETWORK)
    assert len(api.requests) == 1
    assert reads.calls == 1


async def test_a_fresh_read_is_sent_again_and_replaces_the_old_answer() -> None:
    """What was read for the plan is not taken for what stands now."""
    api = FakeApi({"/networks/N_1": {"name": "old"}})
    reads = reads_of(api)
    await reads.resource(NETWORK)
    api.answers["/networks/N_1"] = {"name": "new"}
    assert await reads.resource(NETWORK) == {"name": "old"}
    assert await reads.resource(NETWORK, fresh=True) == {"name": "new"}
    assert await reads.resource(NETWORK) == {"name": "new"}
    assert len(api.requests) == 2


async def test_a_fresh_read_heals_a_failed_one() -> None:
    """A caller that insists gets a new request."""
    api = FakeApi({"/networks/N_1": Unreachable("no route", sent=False)})
    reads = reads_of(api)
    with pytest.raises(Unreachable):
        await reads.resource(NETWORK)
    api.answers["/networks/N_1"] = {"id": "N_1"}
    assert await reads.resource(NETWORK, fresh=True) == {"id": "N_1"}


async def test_one_cancelled_reader_does_not_take_the_answer_from_the_other() -> None:
    """The request goes on for whoever still waits."""
    api = FakeApi({"/networks/N_1": {"id": "N_1"}})
    api.gate = asyncio.Event()
    reads = reads_of(api)
    leaving, staying = (asyncio.create_task(reads.resource(NETWORK)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    api.gate.set()
    assert await staying == {"id": "N_1"}
    assert leaving.cancelled()


async def test_a_read_that_nobody_waits_for_is_given_up() -> None:
    """No request is left behind when its call is cancelled, and the next reader sends its own."""
    api = FakeApi({"/networks/N_1": {"id": "N_1"}})
    api.gate = asyncio.Event()
    reads = reads_of(api)
    before = asyncio.all_tasks()
    only = asyncio.create_task(reads.resource(NETWORK))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    api.gate.set()
    assert await reads.resource(NETWORK) == {"id": "N_1"}
    assert len(api.requests) == 2


async def test_calls_and_waits_are_added_up() -> None:
    """Pages and retries count; a failed request counts as one."""
    api = FakeApi({"/networks/N_1": Reply(200, {}, calls=3, waited_s=1.5), "/networks/N_2": Reply(200, {})})
    reads = reads_of(api)
    await reads.read("getNetwork", {"networkId": "N_1"})
    await reads.read("getNetwork", {"networkId": "N_2"})
    with pytest.raises(Rejected):
        await reads.read("getNetwork", {"networkId": "N_3"})
    assert (reads.calls, reads.waited_s) == (5, 1.5)


async def test_a_write_is_never_shared() -> None:
    """Only GETs pass here."""
    with pytest.raises(InvalidArguments):
        await reads_of(FakeApi()).read("deleteNetwork", {"networkId": "N_1"})


async def test_a_missing_resource_is_none_and_a_forbidden_one_is_an_error() -> None:
    """404 means that it does not exist; 403 and 400 mean that nothing is known."""
    api = FakeApi({"/networks/N_2": NotAllowed("403"), "/networks/N_3": Rejected("400", sent=True, status=400)})
    reads = reads_of(api)
    assert await reads.resource(NETWORK) is None
    with pytest.raises(NotAllowed):
        await reads.resource(Reader("getNetwork", {"networkId": "N_2"}))
    with pytest.raises(Rejected):
        await reads.resource(Reader("getNetwork", {"networkId": "N_3"}))


async def test_an_element_is_picked_by_its_fields() -> None:
    """Ids are compared as text, and an element that is not there is None."""
    api = FakeApi({"/networks/N_1/appliance/vlans": [{"id": 1}, {"id": 100, "name": "Guest"}]})
    reads = reads_of(api)
    found = Reader("getNetworkApplianceVlans", {"networkId": "N_1"}, match={"id": "100"})
    missing = Reader("getNetworkApplianceVlans", {"networkId": "N_1"}, match={"id": "7"})
    assert await reads.resource(found) == {"id": 100, "name": "Guest"}
    assert await reads.resource(missing) is None
    assert len(api.requests) == 1


async def test_an_element_is_picked_inside_a_wrapped_list() -> None:
    """``at`` names the field that holds the list; a dotted name looks into an object."""
    path = "/organizations/1/appliance/firewall/multicastForwarding/byNetwork"
    api = FakeApi({path: {"items": [{"network": {"id": "N_1"}, "rules": []}], "meta": {}}})
    operation = "getOrganizationApplianceFirewallMulticastForwardingByNetwork"
    params = {"organizationId": "1"}
    for match in ({"network.id": "N_1"}, {"network": {"id": "N_1"}}):
        found = await reads_of(api).resource(Reader(operation, params, "items", match))
        assert found == {"network": {"id": "N_1"}, "rules": []}


async def test_an_element_is_picked_in_a_list_that_is_wrapped_twice() -> None:
    """``[].items``: of every row, and of an answer that is such a row itself."""
    operation = "getOrganizationWirelessDevicesProvisioningDeployments"
    reader = Reader(operation, {"organizationId": "1"}, "[].items", {"deploymentId": "7"})
    path = "/organizations/1/wireless/devices/provisioning/deployments"
    wanted = {"deploymentId": "7"}
    for answer in ([{"items": [{"deploymentId": "6"}]}, {"items": [wanted]}], {"items": [wanted], "meta": {}}):
        assert await reads_of(FakeApi({path: answer})).resource(reader) == wanted
    assert await reads_of(FakeApi({path: []})).resource(reader) is None


@pytest.mark.parametrize(
    ("answer", "reader"),
    [
        ([{"meta": {}}], Reader("getNetwork", {"networkId": "N_1"}, at="[].items")),
        ([{"items": {}}], Reader("getNetwork", {"networkId": "N_1"}, at="[].items")),
        ({"id": "1"}, Reader("getNetwork", {"networkId": "N_1"}, match={"id": "1"})),
        ([], Reader("getNetwork", {"networkId": "N_1"}, at="items")),
        ({"meta": {}}, Reader("getNetwork", {"networkId": "N_1"}, at="items")),
        ([{"id": "1", "n": 1}, {"id": "1", "n": 2}], Reader("getNetwork", {"networkId": "N_1"}, match={"id": "1"})),
    ],
)
async def test_an_answer_of_another_shape_is_an_error_and_never_nothing(answer: object, reader: Reader) -> None:
    """A before-state is whole or it is nothing: a strange answer is not "does not exist"."""
    with pytest.raises(BadAnswer):
        await reads_of(FakeApi({"/networks/N_1": answer})).resource(reader)


@pytest.mark.parametrize(
    ("element", "wanted", "fits"),
    [
        ({"id": "100"}, {"id": 100}, True),
        ({"on": True}, {"on": "True"}, False),
        ({"on": True}, {"on": True}, True),
        ({"id": None}, {"id": None}, False),
        ({}, {"id": None}, False),
        ({"a": {"b": 1}}, {"a.b": "1"}, True),
        ({"a.b": 1}, {"a.b": "1"}, True),
        ({"a": 1}, {"a.b": "1"}, False),
        ("text", {"a": 1}, False),
        ({"tags": ["x"]}, {"tags": ["x"]}, True),
    ],
)
def test_a_match_compares_ids_as_text_and_nothing_else(element: object, wanted: dict[str, object], fits: bool) -> None:
    """A missing field never matches, and a boolean is no text."""
    assert matches(element, wanted) is fits
