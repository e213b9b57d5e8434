"""What machines may have: the boot disks and CPU platforms of their series, and no others."""

import pytest

from components.gcp.machine_series import cpu_platform_faults, disk_faults

DISKS = {"pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced"}
NEWEST = ["c4", "c4a", "c4d", "n4", "n4a", "n4d"]
OLDER = ["c2", "c2d", "e2", "n1", "n2", "n2d", "t2a", "t2d"]


def disks_of(machine_type: str) -> set[str]:
    return {each for each in DISKS if not [*disk_faults(machine_type, each)]}


@pytest.mark.parametrize("series", NEWEST)
def test_the_newest_machines_have_hyperdisks_only(series):
    assert disks_of(f"{series}-standard-4") == {"hyperdisk-balanced"}


@pytest.mark.parametrize("series", OLDER)
def test_older_machines_have_none(series):
    assert disks_of(f"{series}-standard-4") == DISKS - {"hyperdisk-balanced"}


@pytest.mark.parametrize("series", ["c3", "c3d"])
def test_those_in_between_have_both_but_no_magnetic_ones(series):
    assert disks_of(f"{series}-standard-4") == DISKS - {"pd-standard"}


def test_a_disk_that_is_refused_is_told_with_those_that_are_not():
    (fault,) = disk_faults("c3-standard-4-lssd", "pd-standard")

    assert str(fault) == (
        "disk_type: must be pd-balanced or pd-ssd or hyperdisk-balanced: c3 machines have no "
        "others, got 'pd-standard'"
    )


@pytest.mark.parametrize(
    ("series", "platforms"),
    [
        (
            "n1",
            [
                "Intel Sandy Bridge",
                "Intel Ivy Bridge",
                "Intel Haswell",
                "Intel Broadwell",
                "Intel Skylake",
            ],
        ),
        ("n2", ["Intel Cascade Lake", "Intel Ice Lake"]),
        ("n2d", ["AMD Rome", "AMD Milan"]),
        ("n4", ["Intel Emerald Rapids"]),
        ("n4a", ["Google Axion"]),
        ("n4d", ["AMD Turin"]),
        ("c2", ["Intel Cascade Lake"]),
        ("c2d", ["AMD Milan"]),
        ("c3", ["Intel Sapphire Rapids"]),
        ("c3d", ["AMD Genoa"]),
        ("c4", ["Intel Emerald Rapids", "Intel Granite Rapids"]),
        ("c4a", ["Google Axion"]),
        ("c4d", ["AMD Turin"]),
        ("t2a", ["Ampere Altra"]),
        ("t2d", ["AMD Milan"]),
    ],
)
def test_cpu_platforms_are_those_of_the_series(series, platforms):
    for platform in [*platforms, None]:
        assert not [*cpu_platform_faults(f"{series}-standard-8", platform)]
    for platform in ("Intel Nonsense", platforms[0].lower(), ""):
        (fault,) = cpu_platform_faults(f"{series}-standard-8", platform)
        assert str(fault) == (
            f"min_cpu_platform: must be {' or '.join(platforms)}: {series} machines have no "
            f"others, got {platform!r}"
        )


def test_where_there_is_no_choice_none_is_taken():
    (fault,) = cpu_platform_faults("e2-standard-4", "Intel Skylake")

    assert str(fault) == (
        "min_cpu_platform: must be left out: e2 machines have whichever there is, "
        "got 'Intel Skylake'"
    )
    assert not [*cpu_platform_faults("e2-standard-4", None)]


def test_a_custom_type_without_a_series_is_of_the_first():
    assert disks_of("custom-4-5120") == disks_of("n1-standard-4")
    assert not [*cpu_platform_faults("custom-4-5120", "Intel Skylake")]
    assert [*cpu_platform_faults("custom-4-5120", "AMD Milan")]


def test_of_an_unknown_series_nothing_is_known():
    assert disks_of("z9-standard-4") == DISKS
    assert not [*cpu_platform_faults("z9-standard-4", "Intel Later Lake")]
