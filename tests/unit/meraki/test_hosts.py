"""Which addresses may see the key."""

import pytest

from mcp_server.meraki.hosts import CLOUD_HOSTS, base_address, is_same_cloud


@pytest.mark.parametrize("host", sorted(CLOUD_HOSTS))
@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/api/v1/"])
def test_each_cloud_is_allowed_with_and_without_the_path(host: str, path: str) -> None:
    """All forms mean the same address."""
    assert base_address(f"https://{host}{path}").text == f"https://{host}/api/v1"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.meraki.com", "https://api.meraki.com.evil.test", "https://api.meraki.com@evil.test",
        "https://evil.test/api.meraki.com", "https://user:word@api.meraki.com", "https://xapi.meraki.com",
        "https://n1.meraki.com", "https://api.meraki.com:8443", "https://api.meraki.com/api/v0", "//api.meraki.com",
        "https://api.meraki.com?x=1", "https://api.meraki.com#x", "https://api.meraki.com\\@evil.test", "",
        "https://api.meraki.com\n.evil.test", "https://169.254.169.254", "https://api.meraki.com:x", "ftp://api.meraki.com",
        "https://api.mera\u043ai.com", "https://127.0.0.1", "http://localhost:8080", "https://api.meraki.com.",
    ],
)  # fmt: skip
def test_whatever_only_looks_like_an_allowed_address_is_refused(url: str) -> None:
    """No key leaves for it."""
    with pytest.raises(ValueError, match=r".") as refused:
        base_address(url)
    assert "evil" not in str(refused.value)
    assert "word" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]:9/api/v1", "http://localhost"])
def test_loopback_is_allowed_when_the_operator_says_so(url: str) -> None:
    """For tests and the sandbox."""
    assert base_address(url, allow_loopback=True).text.endswith("/api/v1")


@pytest.mark.parametrize("url", ["http://127.0.0.2", "http://localhost.evil.test", "http://0.0.0.0", "http://10.0.0.1"])
def test_allowing_loopback_allows_nothing_else(url: str) -> None:
    """Private networks are not this machine."""
    with pytest.raises(ValueError, match="host"):
        base_address(url, allow_loopback=True)


def test_a_shard_is_the_same_cloud_and_another_cloud_is_not() -> None:
    """Page links of the real cloud name the shard."""
    assert is_same_cloud("api.meraki.com", "n149.meraki.com")
    assert is_same_cloud("api.gov-meraki.com", "n1.gov-meraki.com")
    assert is_same_cloud("127.0.0.1", "127.0.0.1")
    assert not is_same_cloud("api.meraki.com", "n1.meraki.cn")
    assert not is_same_cloud("api.meraki.com", "evilmeraki.com")
    assert not is_same_cloud("api.meraki.com", "n1.meraki.com.evil.test")
    assert not is_same_cloud("127.0.0.1", "n1.meraki.com")
