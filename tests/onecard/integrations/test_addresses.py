"""A webhook goes to no address of our own network, however it is written."""

import ipaddress
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onecard.integrations import addresses, targets
from onecard.integrations.errors import TargetRefusedError
from onecard.integrations.targets import Target

PRIVATE = [
    "0.0.0.1", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.9",
    "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.0.1", "100.128.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1"]
INSIDE = [ipaddress.IPv4Network(each) for each in ("127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16")]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_of_the_internet_is_refused(text: str) -> None:
    assert not addresses.is_public(text)


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet_is_taken(text: str) -> None:
    assert addresses.is_public(text)


def spellings(number: int) -> list[str]:
    """An IPv4 address as the system's resolver reads it: in one to four parts, decimal, octal or hexadecimal."""
    parts = [number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255]
    whole = [[number], [parts[0], number & 0xFFFFFF], [parts[0], parts[1], number & 0xFFFF], parts]
    numeric = [".".join(form.format(part) for part in each) for each in whole for form in ("{}", "0x{:x}", "0{:o}")]
    dotted = ipaddress.IPv4Address(number)
    carried = [f"::ffff:{dotted}", f"::{dotted}", f"64:ff9b::{dotted}", f"2002:{parts[0]:02x}{parts[1]:02x}:{1:x}::"]
    return [*numeric, *carried]


private_numbers = st.one_of([st.integers(int(net[0]), int(net[-1])) for net in INSIDE])


@given(private_numbers, st.data())
@example(int(ipaddress.IPv4Address("127.0.0.1")), None)
@example(int(ipaddress.IPv4Address("169.254.169.254")), None)
def test_no_spelling_of_a_private_address_is_sent_to(number: int, data: st.DataObject | None) -> None:
    written = spellings(number)
    for host in written if data is None else [data.draw(st.sampled_from(written))]:
        with pytest.raises(TargetRefusedError):
            targets.resolve(Target(host=host, port=443, path="/", is_tls=True))
        with pytest.raises(TargetRefusedError):
            targets.read(f"https://{f'[{host}]' if ':' in host else host}/hooks")


@given(st.ip_addresses())
def test_a_taken_address_is_global_for_the_standard_library_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if addresses.is_public(str(address)):
        assert address.is_global
        assert not any((address.is_multicast, address.is_private, address.is_loopback, address.is_link_local))


@pytest.mark.parametrize(
    "found",
    [["8.8.8.8", "10.0.0.1"], ["2606:4700:4700::1111", "::1"], ["169.254.169.254"], []],
)
def test_a_name_with_one_inner_address_is_refused_as_a_whole(found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_args: object, **_more: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(TargetRefusedError, match="leads to no public address"):
        targets.resolve(Target(host="hooks.example.com", port=443, path="/", is_tls=True))
