"""Locations: which zones a region has, and what is neither."""

import csv
import re

import pytest

from components.gcp.locations import TABLE, is_zone, location_faults, region_of, zones_of

LETTERS = {"us-central1": "abcf", "us-east1": "bcd", "europe-west1": "bcd"}


@pytest.fixture(scope="module")
def table():
    with TABLE.open(newline="") as lines:
        return {row["region"]: row["zones"].split() for row in csv.DictReader(lines)}


def test_a_region_has_its_zones_in_order():
    assert zones_of("us-central1") == (
        "us-central1-a",
        "us-central1-b",
        "us-central1-c",
        "us-central1-f",
    )
    assert zones_of("us-east1") == ("us-east1-b", "us-east1-c", "us-east1-d")


def test_a_zone_is_in_its_region_and_has_itself():
    assert zones_of("europe-west1-d") == ("europe-west1-d",)
    assert region_of("europe-west1-d") == "europe-west1"
    assert region_of("europe-west1") == "europe-west1"


def test_a_zone_is_told_from_a_region():
    assert is_zone("us-central1-f")
    assert not is_zone("us-central1")
    assert not is_zone("us-central1-z")


def test_what_is_neither_has_no_zones():
    assert zones_of("us-central9") == ()


def test_the_table_is_in_order_and_names_each_region_once(table):
    with TABLE.open() as lines:
        regions = [line.partition(",")[0] for line in lines][1:]

    assert regions == sorted(set(regions))
    assert all(re.fullmatch(r"[a-z]+-[a-z]+\d+", region) for region in regions)


def test_all_but_three_regions_have_the_zones_a_b_and_c(table):
    assert {
        region: "".join(letters) for region, letters in table.items() if letters != [*"abc"]
    } == LETTERS


@pytest.mark.parametrize("known", ["us-central1", "us-central1-f", "asia-southeast3-c"])
def test_what_there_is_has_no_fault(known):
    assert [*location_faults(("location",), known)] == []


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("us-central9", "us-central1, me-central2, me-central1"),
        ("us_central1", "us-central1, me-central1, me-central2"),
        ("US-EAST5", "us-east5, us-east4, us-east1"),
        ("us-central1-z", "us-central1-a, us-central1-b, us-central1-c, us-central1-f"),
        ("us-east1-a", "us-east1-b, us-east1-c, us-east1-d"),
        ("", "us-central1"),
        ("moon", "us-central1"),
    ],
)
def test_what_there_is_not_is_told_from_what_is_nearest(given, nearest):
    (fault,) = location_faults(("platform", "location"), given)

    rule = f"must be a region or zone of Compute Engine, such as {nearest}"
    assert (fault.path, fault.rule, fault.given) == (("platform", "location"), rule, given)
