"""The table of instance types: what the emulator of EC2 says of them, and the prices we know."""

import csv
from decimal import Decimal

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES as EMULATED

from planning.instance_types import TABLE, instance_types


def test_it_has_each_type_once_and_in_order():
    with TABLE.open(newline="") as table:
        rows = [*csv.DictReader(table)]

    order = [
        (row["type"].partition(".")[0], int(row["vcpus"]), int(row["memory_mib"]), row["type"])
        for row in rows
    ]
    assert order == sorted(order)
    assert len({row["type"] for row in rows}) == len(rows)


def test_sizes_are_what_ec2_describes():
    known = {name: each for name, each in instance_types().items() if name in EMULATED}

    assert len(known) > 1000
    for name, each in known.items():
        described = EMULATED[name]
        network = described["NetworkInfo"]
        card = network["NetworkCards"][network.get("DefaultNetworkCardIndex", 0)]
        addresses = card["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1)
        assert each.vcpus == described["VCpuInfo"]["DefaultVCpus"], name
        assert each.memory_mib == described["MemoryInfo"]["SizeInMiB"], name
        assert each.max_pods == addresses + 2, name
        assert each.architecture in described["ProcessorInfo"]["SupportedArchitectures"], name
        assert each.burstable == described["BurstablePerformanceSupported"], name


@pytest.mark.parametrize(
    ("name", "price", "accelerator_mib"),
    [
        ("m5.xlarge", "0.192", None),
        ("m5d.xlarge", "0.226", None),
        ("m4.xlarge", "0.200", None),
        ("m5a.xlarge", "0.172", None),
        ("t2.xlarge", "0.1856", None),
        ("t3.xlarge", "0.1664", None),
        ("t3a.xlarge", "0.1504", None),
        ("m5.2xlarge", "0.384", None),
        ("m5n.2xlarge", "0.476", None),
        ("m5dn.2xlarge", "0.544", None),
        ("t3.medium", "0.0416", None),
        ("c5.large", "0.085", None),
        ("g6f.large", "0.202", 2861),
        ("g4dn.xlarge", "0.526", 16384),
        ("g6.xlarge", "0.8048", 22888),
        ("inf1.xlarge", "0.228", 8192),
        ("p3.2xlarge", "3.06", 16384),
    ],
)
def test_prices_and_accelerators_are_those_of_the_price_list(name, price, accelerator_mib):
    found = instance_types()[name]

    assert (found.usd_per_hour, found.accelerator_mib) == (Decimal(price), accelerator_mib)


def test_a_type_that_was_not_priced_has_no_price():
    assert instance_types()["m6g.xlarge"].usd_per_hour is None
