"""The guard: addresses of rows S1 and S4, spellings of S3, schemes and ports of S7."""

from __future__ import annotations

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import EgressDeniedError
from trustspace.transport.guard import EgressPolicy

PUBLIC = EgressPolicy()
DEVELOPMENT = EgressPolicy.development()

LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1"]
PRIVATE = [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "fc00::1",
    "fd12:3456:789a::1",
]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
]
OTHER = [
    "0.0.0.0",  # noqa: S104 - to be refused
    "0.1.2.3",
    "169.254.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "::169.254.169.254",
    "::8.8.8.8",
    "5f00::1",
    "4000::1",
    "1::1",
]
REACHABLE = ["8.8.8.8", "93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]


@pytest.mark.parametrize("address", [*LOOPBACK, *PRIVATE, *METADATA, *OTHER])
def test_s1_s4_addresses_that_are_never_called(address: str) -> None:
    with pytest.raises(EgressDeniedError):
        PUBLIC.check_address(address)
    if address not in LOOPBACK:
        with pytest.raises(EgressDeniedError):
            DEVELOPMENT.check_address(address)


@pytest.mark.parametrize("address", REACHABLE)
def test_public_addresses_pass(address: str) -> None:
    PUBLIC.check_address(address)
    DEVELOPMENT.check_address(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_for_development(address: str) -> None:
    DEVELOPMENT.check_address(address)


def test_hosts_of_the_owners_own_network_are_named_one_by_one() -> None:
    policy = EgressPolicy(allow_hosts=frozenset({"connector.clinic.internal"}))
    for address in (*PRIVATE, *LOOPBACK):
        policy.check_address(address, host="connector.clinic.internal")
        policy.check_address(address, host="Connector.Clinic.Internal")
        for host in ("", "clinic.internal", "connector.clinic.internal.evil.example", "x"):
            with pytest.raises(EgressDeniedError):
                policy.check_address(address, host=host)
    for address in (*METADATA, *OTHER):
        with pytest.raises(EgressDeniedError):
            policy.check_address(address, host="connector.clinic.internal")


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "0x7f000001", "1.2.3.4.5", "2130706433"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(EgressDeniedError):
        PUBLIC.check_address(text)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_passes_that_python_calls_local(address: ipaddress.IPv4Address) -> None:
    try:
        PUBLIC.check_address(str(address))
    except EgressDeniedError:
        return
    assert address.is_global
    assert not any((address.is_multicast, address.is_reserved, address.is_private))


@given(
    st.ip_addresses(v=6)
    | st.binary(min_size=15, max_size=15).map(lambda b: ipaddress.IPv6Address(b"\x20" + b))
)
def test_no_ipv6_address_passes_that_leads_into_ipv4(address: ipaddress.IPv6Address) -> None:
    try:
        PUBLIC.check_address(str(address))
    except EgressDeniedError:
        return
    assert address.is_global
    assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)
    assert 0x2000 <= int(address) >> 112 <= 0x3FFF


@pytest.mark.parametrize(
    "url",
    [
        "https://provider.example",
        "https://provider.example/",
        "https://provider.example:443/dsp?x=1",
        "https://provider.example:8443/dsp",
        "HTTPS://Provider.Example/dsp",
        "https://[2606:4700:4700::1111]/",
        "https://8.8.8.8/",
    ],
)
def test_urls_that_pass(url: str) -> None:
    assert PUBLIC.check_url(url).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "provider.example",
        "//provider.example",
        "/dsp",
        "https:",
        "https://",
        "https:///dsp",
        "https://:443/",
        "http://provider.example",
        "file:///etc/passwd",
        "ftp://provider.example",
        "data:text/plain,x",
        "gopher://provider.example",
        "javascript:alert(1)",
        "ws://provider.example",
        "unix:///run/x",
        "https://provider.example:22/",
        "https://provider.example:80/",
        "https://provider.example:6379/",
        "https://provider.example:0/",
        "https://provider.example:99999/",
        "https://provider.example:x/",
        "https://user@provider.example/",
        "https://user:secret@provider.example/",
        "https://:@provider.example/",
        "https://provider.example@evil.example/",
        "https://provider.example\\@evil.example/",
        "https://provider.example\\.evil.example/",
        "https://provider.example/\r\nHost: evil.example",
        "https://provider.example/a b",
        "https://provider.example\t/",
        "https://provider.example/\x00",
        " https://provider.example/",
        "https://[::1",
        "https://[",
        "https://[]/",
        "https://%6cocalhost/",
        "https://a%2eexample/",
        "https://a,b/",
        "https://[fe80::1%25eth0]/",
        "https://a..b.example\u3002/" + "\u3002" * 3,
        "https://provider.example/" + "x" * 5_000,
    ],
)
def test_s3_s7_urls_that_are_refused(url: str) -> None:
    with pytest.raises(EgressDeniedError):
        PUBLIC.check_url(url)


def test_development_allows_http_and_any_port() -> None:
    assert DEVELOPMENT.check_url("http://localhost:8000/x").port == 8000
    for url in ("ftp://localhost", "http://u@localhost", "http://localhost\\@x/"):
        with pytest.raises(EgressDeniedError):
            DEVELOPMENT.check_url(url)


def test_ports_are_a_choice() -> None:
    policy = EgressPolicy(ports=frozenset({9443}))
    assert policy.check_url("https://provider.example:9443").port == 9443
    with pytest.raises(EgressDeniedError, match="port 443"):
        policy.check_url("https://provider.example")


def test_s3_the_checked_host_is_the_called_host() -> None:
    assert PUBLIC.check_url("https://evil\u3002com/").host == "evil.com"
    assert PUBLIC.check_url("https://127.1/").host == "127.1"


@given(
    st.text(max_size=40)
    | st.text(alphabet="htps:/@\\[]?#.a1%:x\u3002 ", max_size=40).map("https://".__add__)
)
def test_any_text_gives_a_url_or_one_error(text: str) -> None:
    try:
        url = PUBLIC.check_url(text)
    except EgressDeniedError:
        return
    assert isinstance(url, httpx.URL)
    assert url.scheme == "https"
    assert url.raw_host
    assert not url.userinfo
    # The URL means the same when it is written out and read again.
    again = httpx.URL(str(url))
    assert (again.raw_host, again.port, again.scheme) == (url.raw_host, url.port, url.scheme)


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(EgressDeniedError) as caught:
        PUBLIC.check_address("127.0.0.1")
    assert "allow_hosts" in caught.value.hint
    assert not caught.value.retryable
