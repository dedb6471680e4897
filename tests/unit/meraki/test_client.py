"""One request in its order: what is asked, what is made of the answer, what is asked again."""

import asyncio
import logging
from collections.abc import Callable

import httpcore2
import httpx2
import pytest

from mcp_server.domain.ports import Request
from mcp_server.errors import (
    BadAnswer,
    MerakiMcpError,
    NotAllowed,
    NotAuthenticated,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from mcp_server.meraki.budget import LocalBudget
from mcp_server.meraki.client import HttpLimits
from mcp_server.meraki.errors import MEANINGS, Kind
from mcp_server.meraki.retry import RetryWaits
from tests.support.fake_clock import FakeClock
from tests.support.scripted_cloud import KEY, ScriptedCloud, client_on, json_answer

READ = Request("GET", "/organizations/1/networks")
WRITE = Request("PUT", "/networks/N_1/wireless/ssids/0", body={"name": "x", "psk": "canary-psk-1234"})


def paged(data: object, cursor: str) -> httpx2.Response:
    """A page that has a next one."""
    link = f"<https://api.meraki.com/api/v1{READ.path}?{cursor}>; rel=next"
    return json_answer(data, headers={"Link": link})


async def test_a_read_gives_data_status_and_what_it_cost() -> None:
    """One request, one answer."""
    cloud = ScriptedCloud(json_answer([{"id": "N_1"}], headers={"X-Request-Id": "abc"}))
    async with client_on(cloud)[0] as client:
        reply = await client.read(READ)
    assert (reply.status, reply.data, reply.request_id) == (200, [{"id": "N_1"}], "abc")
    assert (reply.calls, reply.waited_s, reply.next_page) == (1, 0.0, None)


async def test_the_key_goes_with_each_request_and_cookies_do_not() -> None:
    """A cookie that the cloud sets is not sent back."""
    cloud = ScriptedCloud(json_answer([], headers={"Set-Cookie": "a=b; Path=/"}))
    async with client_on(cloud)[0] as client:
        await client.read(READ)
        await client.read(READ)
    assert [request.headers["authorization"] for request in cloud.asked] == [f"Bearer {KEY}"] * 2
    assert "cookie" not in cloud.asked[1].headers


async def test_all_pages_come_back_as_one() -> None:
    """The next links are followed with their own query."""
    cloud = ScriptedCloud(
        paged([1, 2], "perPage=2&startingAfter=2"), paged([3, 4], "perPage=2&startingAfter=4"), json_answer([5])
    )
    async with client_on(cloud)[0] as client:
        reply = await client.read(Request("GET", READ.path, {"perPage": 2}))
    assert (reply.data, reply.calls, reply.next_page) == ([1, 2, 3, 4, 5], 3, None)
    assert [path.partition("?")[2] for path in cloud.paths] == [
        "perPage=2",
        "perPage=2&startingAfter=2",
        "perPage=2&startingAfter=4",
    ]


async def test_a_bounded_read_stops_and_goes_on_where_it_stopped() -> None:
    """The cursor is opaque."""
    cloud = ScriptedCloud(paged([1], "startingAfter=1"), paged([2], "startingAfter=2"), json_answer([3]))
    async with client_on(cloud)[0] as client:
        first = await client.read(READ, pages=1)
        second = await client.read(READ, pages=5, page=first.next_page)
    assert (first.data, first.next_page) == ([1], "startingAfter=1")
    assert (second.data, second.next_page) == ([2, 3], None)


async def test_an_empty_page_is_the_last_even_if_it_names_a_next_one() -> None:
    """The events endpoint always has a next link."""
    cloud = ScriptedCloud(paged([1], "startingAfter=1"), paged([], "startingAfter=2"))
    async with client_on(cloud)[0] as client:
        assert (await client.read(READ)).data == [1]
    assert len(cloud.asked) == 2


async def test_a_page_that_fails_fails_the_whole_read() -> None:
    """Never part of the pages."""
    cloud = ScriptedCloud(paged([1], "startingAfter=1"), json_answer({"errors": ["no"]}, 400))
    async with client_on(cloud)[0] as client:
        with pytest.raises(Rejected):
            await client.read(READ)


async def test_pages_of_different_shapes_are_an_error() -> None:
    """No before-state is made of them."""
    cloud = ScriptedCloud(paged([1], "startingAfter=1"), json_answer({"errors": [1]}))
    async with client_on(cloud)[0] as client:
        with pytest.raises(BadAnswer, match="fit together"):
            await client.read(READ)


async def test_pages_that_go_round_are_an_error() -> None:
    """A next link seen before."""
    cloud = ScriptedCloud(paged([1], "startingAfter=1"))
    async with client_on(cloud)[0] as client:
        with pytest.raises(BadAnswer, match="do not end"):
            await client.read(READ)
    assert len(cloud.asked) == 2


async def test_pages_without_end_are_an_error() -> None:
    """More pages than the limit, or more bytes than the limit for all."""

    def endless() -> Callable[[httpx2.Request], httpx2.Response]:
        count = iter(range(1_000))
        return lambda _request: paged(["x" * 100], f"startingAfter={next(count)}")

    for limits in (HttpLimits(pages=3), HttpLimits(all_pages_bytes=250)):
        cloud = ScriptedCloud(endless())
        async with client_on(cloud, limits=limits)[0] as client:
            with pytest.raises(BadAnswer, match="do not end"):
                await client.read(READ)
        assert len(cloud.asked) == 3


async def test_a_next_link_to_another_host_is_refused_and_never_asked() -> None:
    """The key stays where it is."""
    answer = json_answer([1], headers={"Link": f"<https://evil.test/api/v1{READ.path}?startingAfter=1>; rel=next"})
    cloud = ScriptedCloud(answer)
    async with client_on(cloud)[0] as client:
        with pytest.raises(BadAnswer, match="another address"):
            await client.read(READ)
    assert [request.url.host for request in cloud.asked] == ["api.meraki.com"]


async def test_a_next_link_to_the_shard_is_followed_on_the_host_that_was_asked() -> None:
    """The real cloud may name its shard there."""
    link = f"<https://n149.meraki.com/api/v1{READ.path}?startingAfter=1>; rel=next"
    cloud = ScriptedCloud(json_answer([1], headers={"Link": link}), json_answer([2]))
    async with client_on(cloud)[0] as client:
        assert (await client.read(READ)).data == [1, 2]
    assert {request.url.host for request in cloud.asked} == {"api.meraki.com"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_bad_answer_and_is_never_followed(status: int) -> None:
    """The key never reaches another host."""
    cloud = ScriptedCloud(httpx2.Response(status, headers={"Location": "https://evil.test/x"}))
    async with client_on(cloud)[0] as client:
        for call in (client.read(READ), client.write(WRITE)):
            with pytest.raises(BadAnswer) as refused:
                await call
            assert refused.value.sent
    assert {request.url.host for request in cloud.asked} == {"api.meraki.com"}
    assert len(cloud.asked) == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Rejected), (401, NotAuthenticated), (403, NotAllowed), (404, Rejected), (409, Rejected), (422, Rejected)],
)
async def test_a_definite_no_is_told_at_once(status: int, error: type[MerakiMcpError]) -> None:
    """Other 4xx are not retried (facts: dashboard-api-python #290, 401 endless retry)."""
    cloud = ScriptedCloud(json_answer({"errors": ["the reason"]}, status))
    client, clock = client_on(cloud)
    async with client:
        for call in (client.read(READ), client.write(WRITE)):
            with pytest.raises(error) as refused:
                await call
            if isinstance(refused.value, Rejected):
                assert (refused.value.status, refused.value.errors) == (status, ("the reason",))
    assert len(cloud.asked) == 2
    assert clock.slept == []


@pytest.mark.parametrize("is_write", [False, True])
async def test_a_429_is_waited_for_also_by_a_write(is_write: bool) -> None:
    """A limited request did not take place."""
    limited = json_answer({"errors": ["API rate limit exceeded"]}, 429, {"Retry-After": "3"})
    cloud = ScriptedCloud(limited, limited, json_answer({"ok": True}))
    client, clock = client_on(cloud)
    async with client:
        reply = await (client.write(WRITE) if is_write else client.read(READ))
    assert (reply.data, reply.calls, reply.waited_s) == ({"ok": True}, 3, 6.0)
    assert clock.slept == [3.0, 3.0]


async def test_five_times_429_is_given_up() -> None:
    """Five tries, and the caller is told for how long."""
    cloud = ScriptedCloud(json_answer({"errors": ["limit"]}, 429, {"Retry-After": "2"}))
    async with client_on(cloud)[0] as client:
        with pytest.raises(RateLimited) as limited:
            await client.write(WRITE)
    assert len(cloud.asked) == 5
    assert (limited.value.sent, limited.value.retry_after_s) == (False, 2.0)


@pytest.mark.parametrize("value", [None, "abc", "-1"])
async def test_a_429_without_a_usable_retry_after_is_backed_off(value: str | None) -> None:
    """1, 2, 4, 8 seconds."""
    cloud = ScriptedCloud(json_answer({}, 429, {} if value is None else {"Retry-After": value}))
    client, clock = client_on(cloud)
    async with client:
        with pytest.raises(RateLimited):
            await client.read(READ)
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]


async def test_a_429_with_an_http_date_is_waited_for() -> None:
    """The other form that the header may have."""
    cloud = ScriptedCloud(json_answer({}, 429, {"Retry-After": "Sat, 21 Nov 2026 12:00:09 GMT"}), json_answer([]))
    client, clock = client_on(cloud)
    async with client:
        await client.read(READ)
    assert clock.slept == [9.0]


async def test_an_hour_of_retry_after_is_told_instead_of_waited_and_holds_for_the_next_call() -> None:
    """Nothing more is sent to that organization; another one is not affected."""
    cloud = ScriptedCloud(json_answer({}, 429, {"Retry-After": "3600"}), json_answer([]))
    client, clock = client_on(cloud)
    async with client:
        with pytest.raises(RateLimited) as first:
            await client.read(READ)
        with pytest.raises(RateLimited) as second:
            await client.read(READ)
        await client.read(Request("GET", "/organizations/2/networks"))
        assert await client.wait_estimate_s("1", 1) == pytest.approx(3600.0)
    assert first.value.retry_after_s == 3600.0
    assert second.value.retry_after_s == pytest.approx(3600.0)
    assert len(cloud.asked) == 2
    assert clock.slept == []


async def test_requests_wait_for_the_budget_of_their_organization() -> None:
    """Ten a second after the burst."""
    client, clock = client_on(ScriptedCloud(json_answer([])))
    async with client:
        replies = [await client.read(READ) for _ in range(17)]
    assert clock.slept == [pytest.approx(0.1)] * 2
    assert replies[-1].waited_s == pytest.approx(0.1)


async def test_a_network_uses_the_budget_of_the_organization_that_it_was_seen_in() -> None:
    """Learned from answers; unknown ones share a budget of their own."""
    cloud = ScriptedCloud(json_answer([{"id": "N_1", "organizationId": "1"}]), json_answer({}))
    client, _ = client_on(cloud)
    async with client:
        await client.read(READ)
        for _ in range(14):
            await client.read(Request("GET", "/networks/N_1"))
        assert await client.wait_estimate_s("1", 1) == pytest.approx(0.1)
        assert await client.wait_estimate_s("", 15) == 0.0


async def test_a_read_that_tells_whose_network_it_was_is_counted_there_afterwards() -> None:
    """The cloud has counted it for that organization; eight servers' look-ups ate the whole margin."""
    cloud = ScriptedCloud(json_answer({"id": "N_1", "organizationId": "1"}))
    client, _ = client_on(cloud)
    async with client:
        await client.read(Request("GET", "/networks/N_1"))
        assert await client.wait_estimate_s("1", 14) == 0.0
        assert await client.wait_estimate_s("1", 15) == pytest.approx(0.1)


async def test_a_device_is_counted_where_its_network_is_also_what_failed_before_that_was_known() -> None:
    """A device names its network, not its organization; a try whose answer was lost has been counted all the same."""
    cloud = ScriptedCloud(
        httpx2.Response(500), json_answer({"serial": "Q-1", "networkId": "N_1"}), json_answer([{"portId": "1"}]),
        json_answer({"id": "N_1", "organizationId": "1"}), json_answer([{"portId": "1"}]),
    )  # fmt: skip
    client, clock = client_on(cloud)
    async with client:
        await client.read(Request("GET", "/devices/Q-1"))
        await client.read(Request("GET", "/devices/Q-1/switch/ports"))
        assert await client.wait_estimate_s("1", 15) == 0.0
        await client.read(Request("GET", "/networks/N_1"))
        assert await client.wait_estimate_s("1", 11) == 0.0
        assert await client.wait_estimate_s("1", 12) > 0.0
        await client.read(Request("GET", "/devices/Q-1/switch/ports"))
        assert await client.wait_estimate_s("1", 10) == 0.0
        assert await client.wait_estimate_s("1", 11) > 0.0
    assert clock.slept == [30.0]


async def test_a_request_that_waits_for_its_turn_waits_on_when_a_429_comes_meanwhile() -> None:
    """Sent at its old turn, it would come before the organization may be asked again."""

    class Disturbed(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == 1:
                await budget.penalize("1", 3.0)

    clock = Disturbed()
    budget = LocalBudget(clock)
    client, _ = client_on(ScriptedCloud(json_answer([])), clock=clock, budget=budget)
    async with client:
        await budget.reserve("1", 15)
        await client.read(READ)
    assert clock.slept == [pytest.approx(0.1), pytest.approx(3.0, abs=0.2)]


async def test_a_request_that_wakes_long_after_its_turn_queues_anew() -> None:
    """A machine that stood still lets all go at once whose turn came meanwhile, which is more than a burst."""

    class StoodStill(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == 1:
                self.advance(4.0)
                await budget.reserve("1", 15)  # those who were first after it

    clock = StoodStill()
    budget = LocalBudget(clock)
    client, _ = client_on(ScriptedCloud(json_answer([])), clock=clock, budget=budget)
    async with client:
        await budget.reserve("1", 15)
        await client.read(READ)
    assert clock.slept == [pytest.approx(0.1), pytest.approx(0.1)]


@pytest.mark.parametrize(("status", "waits"), [(500, [30.0, 30.0]), (502, [30.0, 30.0]), (504, [60.0, 60.0])])
async def test_a_read_that_meets_a_5xx_has_three_tries(status: int, waits: list[float]) -> None:
    """Then what happened is not known."""
    cloud = ScriptedCloud(httpx2.Response(status, html="<html>oops</html>"))
    client, clock = client_on(cloud)
    async with client:
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.read(READ)
    assert (unknown.value.status, unknown.value.sent) == (status, True)
    assert clock.slept == waits
    assert len(cloud.asked) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_write_that_meets_a_5xx_is_never_sent_again(status: int) -> None:
    """It may have taken place (the official SDK 4.7.0 sends it again and creates twice)."""
    cloud = ScriptedCloud(json_answer({"errors": ["x"]}, status, {"Retry-After": "1"}))
    client, clock = client_on(cloud)
    async with client:
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.write(WRITE)
    assert (unknown.value.status, unknown.value.sent) == (status, True)
    assert (len(cloud.asked), clock.slept) == (1, [])


@pytest.mark.parametrize("kind", sorted(MEANINGS, key=str))
async def test_a_write_is_sent_again_exactly_when_it_never_left(kind: type[Exception]) -> None:
    """For every error that httpx2 has."""
    error = kind.__new__(kind)
    error.args = ("canary",)
    cloud = ScriptedCloud(error)
    meaning = MEANINGS[kind]
    async with client_on(cloud)[0] as client:
        with pytest.raises(meaning.error) as raised:
            await client.write(WRITE)
    is_again = not meaning.sent and meaning.kind is not Kind.OURS
    assert (len(cloud.asked) > 1) == is_again
    assert raised.value.sent == meaning.sent
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "tries"),
    [(httpcore2.ReadTimeout, 2), (httpcore2.ConnectTimeout, 2), (httpcore2.ReadError, 3), (httpcore2.ConnectError, 3)],
)
async def test_a_read_is_tried_again_after_a_lost_answer(error: type[Exception], tries: int) -> None:
    """Time-outs twice, connections three times."""
    cloud = ScriptedCloud(error("x"))
    async with client_on(cloud)[0] as client:
        with pytest.raises((OutcomeUnknown, Unreachable)):
            await client.read(READ)
    assert len(cloud.asked) == tries


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, html="<html>login</html>"),
        httpx2.Response(200, content=b'{"a": 1', headers={"Content-Type": "application/json"}),
        httpx2.Response(200, content=b'{"a": 1, "a": 2}', headers={"Content-Type": "application/json"}),
        httpx2.Response(200, content=b'{"a": NaN}', headers={"Content-Type": "application/json"}),
        httpx2.Response(200, content=b" " * 2_000, headers={"Content-Type": "application/json"}),
        httpx2.Response(200, text="plain"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_bad_and_counts_as_sent(answer: httpx2.Response) -> None:
    """HTML, broken, ambiguous or too long: neither data nor a second try."""
    cloud = ScriptedCloud(answer)
    async with client_on(cloud, limits=HttpLimits(body_bytes=1_000))[0] as client:
        for call in (client.read(READ), client.write(WRITE)):
            with pytest.raises(BadAnswer) as bad:
                await call
            assert (bad.value.sent, bad.value.status) == (True, 200)
    assert len(cloud.asked) == 2


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_an_empty_success_has_no_data(status: int) -> None:
    """204 on a delete, 202 on something begun."""
    async with client_on(ScriptedCloud(httpx2.Response(status)))[0] as client:
        reply = await client.write(Request("DELETE", "/networks/N_1"))
    assert (reply.status, reply.data) == (status, None)


async def test_without_a_key_nothing_is_sent() -> None:
    """The server starts without one, and each call says so."""
    cloud = ScriptedCloud(json_answer([]))
    async with client_on(cloud, api_key="")[0] as client:
        with pytest.raises(NotAuthenticated, match="no API key"):
            await client.read(READ)
    assert cloud.asked == []


@pytest.mark.parametrize("key", ["a b", "a\nb", "caf\u00e9", "a\x00"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(key: str) -> None:
    """Otherwise the HTTP library would print it in its complaint."""
    with pytest.raises(ValueError, match="key") as refused:
        client_on(None, api_key=key)
    assert key not in str(refused.value)


@pytest.mark.parametrize("url", ["https://evil.test", "http://api.meraki.com", "http://127.0.0.1:1"])
def test_an_address_that_is_not_allowed_is_refused(url: str) -> None:
    """Before anything can be asked."""
    with pytest.raises(ValueError, match="host"):
        client_on(None, base_url=url)


@pytest.mark.parametrize(
    ("request_", "is_write"),
    [
        (Request("PUT", "/networks/N_1"), False), (Request("GET", "/networks/N_1"), True),
        (Request("GET", "/a/../b"), False),
        (Request("PUT", "/networks/{networkId}", body={}), True),
        (Request("PUT", "/networks/N_1", body={"a": float("nan")}), True),
        (Request("PUT", "/networks/N_1", body={"a": object()}), True),
        (Request("PUT", "/networks/N_1", body={"a": "\ud800"}), True),
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_is_said_to_be_not_sent(request_: Request, is_write: bool) -> None:
    """An error of the Meraki branch, with sent false."""
    cloud = ScriptedCloud(json_answer([]))
    async with client_on(cloud)[0] as client:
        with pytest.raises(Unreachable) as refused:
            await (client.write(request_) if is_write else client.read(request_))
    assert not refused.value.sent
    assert cloud.asked == []


async def test_a_body_without_end_is_said_to_be_not_sent() -> None:
    """Nested deeper than JSON can be written."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    async with client_on(ScriptedCloud(json_answer([])))[0] as client:
        with pytest.raises(Unreachable, match="encoded"):
            await client.write(Request("PUT", "/networks/N_1", body=deep))
    while deep:
        deep = deep.pop()  # type: ignore[assignment]  # taken apart by hand: freeing it at once is deep too


async def test_a_cursor_that_is_none_is_refused() -> None:
    """A caller's cursor cannot add a host or a header."""
    cloud = ScriptedCloud(json_answer([]))
    async with client_on(cloud)[0] as client:
        with pytest.raises(Unreachable, match="cursor"):
            await client.read(READ, page="a\r\nX: y")
    assert cloud.asked == []


async def test_five_failed_calls_open_the_breaker_for_that_organization() -> None:
    """Then nothing is sent, and the caller is told when to come back; another organization is not affected."""
    cloud = ScriptedCloud(*[json_answer({}, 500)] * 5, json_answer([]))
    client, clock = client_on(cloud)
    async with client:
        for _ in range(5):
            with pytest.raises(OutcomeUnknown):
                await client.write(Request("PUT", "/organizations/1", body={}))
        for call in (client.write(Request("PUT", "/organizations/1", body={})), client.read(READ)):
            with pytest.raises(Unreachable) as stopped:
                await call
            assert (stopped.value.sent, stopped.value.retry_after_s) == (False, 60.0)
        assert len(cloud.asked) == 5
        await client.read(Request("GET", "/organizations/2/networks"))
        clock.advance(60)
        with pytest.raises(Unreachable):
            await client.write(Request("PUT", "/organizations/1", body={}))
        await client.read(READ)
        await client.read(READ)
        await client.write(Request("PUT", "/organizations/1", body={}))


async def test_a_probe_is_sent_once_and_a_bad_one_keeps_the_breaker_open() -> None:
    """The cloud is not asked three times to find out that it is still down."""
    cloud = ScriptedCloud(json_answer({}, 500))
    client, clock = client_on(cloud)
    async with client:
        for _ in range(5):
            with pytest.raises(OutcomeUnknown):
                await client.write(Request("PUT", "/organizations/1", body={}))
        asked = len(cloud.asked)
        clock.advance(60)
        with pytest.raises(OutcomeUnknown):
            await client.read(READ)
        assert len(cloud.asked) == asked + 1
        with pytest.raises(Unreachable) as stopped:
            await client.read(READ)
        assert stopped.value.retry_after_s == 60.0


async def test_rate_limits_and_refusals_do_not_open_the_breaker() -> None:
    """The cloud answers."""
    waits = RetryWaits(rate_tries=1)
    cloud = ScriptedCloud(*[json_answer({}, 429)] * 6, *[json_answer({}, 404)] * 6, json_answer([]))
    client, clock = client_on(cloud, waits=waits)
    async with client:
        for _ in range(12):
            with pytest.raises((RateLimited, Rejected)):
                await client.read(READ)
            clock.advance(2)
        await client.read(READ)


async def test_no_error_holds_the_key_a_header_or_the_query() -> None:
    """Whatever the cloud says back."""
    echo = {"errors": [f"bad key {KEY} and psk canary-psk-1234 \u202e"]}
    for status in (400, 401, 403, 404, 429, 500):
        cloud = ScriptedCloud(json_answer(echo, status))
        async with client_on(cloud, waits=RetryWaits(rate_tries=1))[0] as client:
            with pytest.raises(MerakiMcpError) as raised:
                await client.write(Request("PUT", "/networks/N_1", {"q": "canary-query"}, WRITE.body))
        shown = f"{raised.value!r} {raised.value} {vars(raised.value)}"
        assert KEY not in shown
        assert "canary" not in shown
        assert "\u202e" not in shown


async def test_each_failed_try_is_logged_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    """So that waits can be explained afterwards."""
    cloud = ScriptedCloud(json_answer({}, 502), json_answer([]))
    with caplog.at_level(logging.INFO, "mcp_server"):
        async with client_on(cloud)[0] as client:
            await client.read(Request("GET", READ.path, {"q": "canary-query"}))
    assert [record.getMessage() for record in caplog.records if record.name.startswith("mcp_server")] == [
        "GET /organizations/1/networks answered 502"
    ]
    assert "canary" not in caplog.text
    assert KEY not in caplog.text


async def test_a_cancelled_call_ends_at_once_and_leaves_the_client_usable() -> None:
    """Cancelling is no failure, so it is neither retried nor counted."""
    entered = asyncio.Event()

    class Hanging(httpx2.AsyncBaseTransport):
        is_hanging = True

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            entered.set()
            if self.is_hanging:
                await asyncio.Event().wait()
            return json_answer([])

    transport = Hanging()
    async with client_on(transport)[0] as client:
        task = asyncio.create_task(client.read(READ))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        transport.is_hanging = False
        assert (await client.read(READ)).data == []


async def test_a_closed_client_opens_anew_when_used_again() -> None:
    """Closing is for tidiness, not the end."""
    client, _ = client_on(ScriptedCloud(json_answer([])))
    await client.read(READ)
    await client.close()
    await client.close()
    assert (await client.read(READ)).data == []
    await client.close()
