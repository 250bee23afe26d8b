"""Choosing addresses: order, wishes, ranges, and what a crash leaves."""

import pytest

from ocikit.network.errors import AddressError
from ocikit.network.ipam import LeaseFile, Leases, lease_range
from ocikit.network.records import NetworkConfig, Subnet

SMALL = NetworkConfig("small", subnets=[Subnet("10.97.0.0/29", "10.97.0.1")])
DUAL = NetworkConfig("dual", subnets=[Subnet("fd00:55::/64", "fd00:55::1"), Subnet("10.89.2.0/24", "10.89.2.1")])


def cid(number: int) -> str:
    return f"{number:064x}"


def test_addresses_rise_and_freed_ones_come_back_last() -> None:
    leases = Leases()
    assert leases.allocate(SMALL, cid(1)) == ["10.97.0.2"]
    assert leases.allocate(SMALL, cid(2)) == ["10.97.0.3"]
    assert leases.release("small", cid(1)) == ["10.97.0.2"]
    given = [leases.allocate(SMALL, cid(number))[0] for number in (3, 4, 5, 6)]
    assert given == ["10.97.0.4", "10.97.0.5", "10.97.0.6", "10.97.0.2"]
    with pytest.raises(AddressError, match=r"failed to find free IP in range: 10\.97\.0\.1 - 10\.97\.0\.6"):
        leases.allocate(SMALL, cid(7))


def test_one_address_for_each_subnet_in_order() -> None:
    assert Leases().allocate(DUAL, cid(1)) == ["fd00:55::2", "10.89.2.2"]


def test_a_wish_is_fulfilled_or_refused() -> None:
    leases = Leases()
    assert leases.allocate(DUAL, cid(1), ["10.89.2.77"]) == ["fd00:55::2", "10.89.2.77"]
    with pytest.raises(AddressError, match=f"already allocated to container ID {cid(1)}"):
        leases.allocate(DUAL, cid(2), ["10.89.2.77"])
    with pytest.raises(AddressError, match=r"requested static ip 10\.10\.0\.1 not in any subnet on network dual"):
        leases.allocate(DUAL, cid(2), ["10.10.0.1"])
    # a wish does not move the place where choosing goes on
    assert leases.allocate(DUAL, cid(3))[1] == "10.89.2.2"


def test_a_second_set_up_of_the_same_container_frees_what_a_crash_left() -> None:
    leases = Leases()
    leases.allocate(SMALL, cid(1))
    assert leases.allocate(SMALL, cid(1)) == ["10.97.0.3"]
    assert leases.held("small", cid(1)) == ["10.97.0.3"]
    assert leases.allocate(SMALL, cid(2), ["10.97.0.2"]) == ["10.97.0.2"]


def test_lease_range_bounds_choice_but_not_wishes() -> None:
    subnet = Subnet("10.97.0.0/24", "10.97.0.1", "10.97.0.10", "10.97.0.12")
    network = NetworkConfig("r", subnets=[subnet])
    assert lease_range(subnet) == (0x0A61000A, 0x0A61000C)
    leases = Leases()
    assert [leases.allocate(network, cid(n))[0] for n in range(3)] == ["10.97.0.10", "10.97.0.11", "10.97.0.12"]
    with pytest.raises(AddressError, match=r"10\.97\.0\.10 - 10\.97\.0\.12"):
        leases.allocate(network, cid(4))
    assert leases.allocate(network, cid(4), ["10.97.0.200"]) == ["10.97.0.200"]


def test_file(tmp_path) -> None:
    file = LeaseFile(str(tmp_path / "ipam.db"))
    leases = file.load()
    leases.allocate(DUAL, cid(1))
    file.save(leases)
    assert file.load().held("dual", cid(1)) == ["fd00:55::2", "10.89.2.2"]
    assert (tmp_path / "ipam.db").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ipam.db"]
