"""From pages to one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.meraki.pagination import cursor_pairs, elements, joined, next_cursor

ASKED = "https://api.meraki.com/api/v1/organizations/1/networks?perPage=2"
NEXT = "https://api.meraki.com/api/v1/organizations/1/networks?perPage=2&startingAfter=N_2"


@pytest.mark.parametrize(
    "link",
    [
        f"<{NEXT}>; rel=next",
        f'<{NEXT}>; rel="next"',
        f"<https://api.meraki.com/api/v1/organizations/1/networks?a=1,2>; rel=first, <{NEXT}>; rel=next",
        f"<{NEXT}>;rel=NEXT, <{ASKED}>; rel=last",
        f'<{NEXT}>; title="a, rel=x"; rel=next',
        f'<{NEXT}>; rel="next last"',
        "</api/v1/organizations/1/networks?perPage=2&startingAfter=N_2>; rel=next",
        "<?perPage=2&startingAfter=N_2>; rel=next",
        f"<{NEXT.replace('api.', 'n149.')}>; rel=next",
    ],
)
def test_the_next_link_is_found_in_every_form(link: str) -> None:
    """Quoted or not, first or not, relative, or naming the shard."""
    assert next_cursor(link, ASKED) == "perPage=2&startingAfter=N_2"


@pytest.mark.parametrize("link", ["", f"<{NEXT}>; rel=prev", f"<{NEXT}>", "rel=next", "<>; rel=nextish", "<x>; rel"])
def test_without_a_next_link_there_is_no_next_page(link: str) -> None:
    """The last page has none."""
    assert next_cursor(link, ASKED) is None


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/api/v1/organizations/1/networks?startingAfter=1",
        "https://api.meraki.com.evil.test/api/v1/organizations/1/networks?startingAfter=1",
        "https://api.meraki.com/api/v1/organizations/2/networks?startingAfter=1",
        "http://api.meraki.com/api/v1/organizations/1/networks?startingAfter=1",
        "https://api.meraki.com@evil.test/api/v1/organizations/1/networks?startingAfter=1",
        "https://api.meraki.com:8443/api/v1/organizations/1/networks?startingAfter=1",
        "//evil.test/api/v1/organizations/1/networks?startingAfter=1",
        "https://api.meraki.com/api/v1/organizations/1/networks",
        "https://api.meraki.com/api/v1/organizations/1/networks?" + "a" * 5_000,
    ],
)
def test_a_next_link_that_leads_elsewhere_is_an_error(target: str) -> None:
    """Never followed, and never taken for the last page either."""
    with pytest.raises(ValueError, match=r"link|cursor"):
        next_cursor(f"<{target}>; rel=next", ASKED)


@pytest.mark.parametrize("cursor", ["", "a b", "a#b", "a\n", "\u00e9=1", "<a>", 'a"'])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    """A cursor from a caller is checked like one from the cloud."""
    with pytest.raises(ValueError, match="cursor"):
        cursor_pairs(cursor)


def test_lists_are_put_after_one_another() -> None:
    """In the order of the pages."""
    assert joined([[1, 2], [3], []]) == [1, 2, 3]


def test_wrapped_lists_keep_what_is_around_them() -> None:
    """Some lists come as items with meta."""
    first = {"items": [1], "meta": {"counts": {"items": {"total": 2, "remaining": 1}}}}
    assert joined([first, {"items": [2], "meta": {}}]) == {**first, "items": [1, 2]}


def test_the_events_list_is_joined_under_its_own_name() -> None:
    """The events endpoint wraps its list as ``events``."""
    pages = [{"message": None, "events": [1]}, {"message": None, "events": [2]}]
    assert joined(pages) == {"message": None, "events": [1, 2]}


@pytest.mark.parametrize(
    "pages", [[[1], {"items": [2]}], [[1], None], [{"a": 1}, {"a": 2}], [{"a": [1], "b": [2]}, {}]]
)
def test_pages_that_do_not_fit_together_are_an_error(pages: list[object]) -> None:
    """A before-state is whole or it is nothing."""
    with pytest.raises(ValueError, match="fit"):
        joined(pages)


def test_pages_whose_lists_have_different_names_do_not_fit() -> None:
    """A list found under another name is not the same list."""
    with pytest.raises(ValueError, match="fit"):
        joined([{"items": [1]}, {"events": [2]}])


def test_one_page_is_itself() -> None:
    """Whatever its shape."""
    assert joined([{"a": 1}]) == {"a": 1}
    assert elements({"a": 1}) is None
    assert elements("x") is None


@given(st.lists(st.lists(st.integers(), max_size=4), min_size=1, max_size=6))
def test_joining_loses_and_adds_nothing(pages: list[list[int]]) -> None:
    """Every element once, in order."""
    assert joined(pages) == [item for page in pages for item in page]


@given(st.text(max_size=80))
def test_no_link_header_breaks_the_reader(link: str) -> None:
    """It finds a cursor, nothing, or says that the link is wrong."""
    try:
        found = next_cursor(link, ASKED)
    except ValueError:
        return
    assert found is None or found
