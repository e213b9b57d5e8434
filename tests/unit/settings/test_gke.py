"""The platform's section of kind gke: what is refused of it, in which words, and all at once."""

import pytest

from settings.gke_pools import shortest_notice
from tests.unit.settings.gke_lab import MODEL, POOL, PROJECT, TOTAL, lab, loaded, spot_lab
from tests.unit.stack_files import MODELS, PLATFORM, faults_of, put, take

EXISTING = {
    "network": "shared",
    "subnetwork": "nodes",
    "pods_range": "pods",
    "services_range": "services",
}


@pytest.mark.parametrize("location", ["us-central9", "us-central1-z", "us_central1", "Iowa", ""])
def test_a_location_that_is_neither_region_nor_zone_is_refused_with_the_nearest(cloud, location):
    config = lab(location=location)

    (fault,) = faults_of(config)
    assert fault.startswith(f"{PLATFORM}.location: must be a region or zone of Compute Engine")
    assert fault.endswith(f'; got "{location}"')
    assert "us-central1" in fault or location in ("Iowa", "")


def test_a_zone_of_another_region_is_refused(cloud):
    (fault,) = faults_of(lab(zones=["us-central1-a", "us-east1-b"]))

    assert fault.startswith(f"{PLATFORM}.zones.1: must be a zone of us-central1: us-central1-a")


def test_a_machine_type_of_unknown_size_is_refused_with_those_that_are_like_it(cloud):
    config = lab()
    put(config, f"{POOL}.machine_type", "n1-standard-5")

    (fault,) = faults_of(config)
    assert fault.startswith(
        f"{POOL}.machine_type: must be a machine type whose size is known, of x86: "
        "planning/machine_types.csv has no such row; "
    )
    assert "n1-standard-4" in fault
    assert fault.endswith('are nearest; got "n1-standard-5"')


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (f"{PLATFORM}.project_number", "is required"),
        (PROJECT, "is required"),
        (f"{PLATFORM}.location", "is required"),
        (f"{PLATFORM}.network", "is required"),
    ],
)
def test_what_is_missing_is_told_by_its_key(cloud, key, rule):
    config = lab()
    section, _, rest = key.partition(".")
    (take(config, key) if rest else config.pop(section))

    assert faults_of(config) == [f"{key}: {rule}"]


def test_a_number_that_is_the_projects_id_is_refused(cloud):
    assert faults_of(lab(project_number="tfserving-lab")) == [
        f"{PLATFORM}.project_number: must be the project's number, not its id: 6 to 19 digits; "
        'got "tfserving-lab"'
    ]


def test_a_number_may_be_one_in_yaml_too(cloud):
    platform, _ = loaded(lab(project_number=123456789012))

    assert platform.project_number == "123456789012"


def test_an_id_that_is_none_is_refused_by_the_key_that_has_it(cloud):
    config = lab()
    config[PROJECT] = "My Project"

    (fault,) = faults_of(config)
    assert fault.startswith(f"{PROJECT}: must be the id of a project: ")


def test_the_project_is_told_to_the_provider_alone(cloud):
    assert f"{PLATFORM}.project: is not a known key, gcp:project is" in faults_of(lab(project="x"))


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ({"Team": "a"}, "Team"),
        ({"stack": "a"}, "stack"),
        ({"team": "A b"}, "team"),
        ({"goog-team": "a"}, "goog-team"),
    ],
)
def test_labels_are_as_google_takes_them(cloud, labels, key):
    (fault,) = faults_of(lab(labels=labels))

    assert fault.startswith(f"{PLATFORM}.labels.{key}: must be ")


def test_labels_are_no_more_than_a_resource_has_room_for(cloud):
    labels = {f"label-{number}": "a" for number in range(61)}
    loaded(lab(labels=labels))

    assert faults_of(lab(labels={**labels, "team": "a"})) == [
        f"{PLATFORM}.labels: must be at most 61 labels: a resource has 64, and others are set; "
        "got 62"
    ]


@pytest.mark.parametrize("number", ["1" + "\uff12" * 5, "12345", "0123456", "1" * 20])
def test_a_number_is_of_plain_digits_and_as_long_as_one_is(cloud, number):
    (fault,) = faults_of(lab(project_number=number))

    assert fault.startswith(f"{PLATFORM}.project_number: must be the project's number")


def test_replicas_beyond_all_zones_are_refused_with_the_arithmetic(cloud):
    config = lab(location="us-central1")
    put(
        config,
        POOL,
        {"kind": "on_demand", "machine_type": "n1-standard-4", "nodes_per_zone": TOTAL},
    )
    put(config, f"{MODEL}.replicas.maximum", 10)

    (fault,) = faults_of(config)
    assert fault == (
        f"{MODEL}.replicas.maximum: must be at most 9, or allow_unplaceable_replicas: true: its "
        "pools hold 9 = 9 nodes of default-pool x 1 (3070m CPU, a pod 3000m); got 10"
    )


def test_agents_are_taken_off_each_node(cloud):
    assert (
        "3070m CPU, a pod 3000m"
        in faults_of(
            {
                **(config := lab()),
                MODELS: {
                    "m": {
                        **config[MODELS]["image-classifier"],
                        "replicas": {"minimum": 1, "initial": 1, "maximum": 4},
                    }
                },
            }
        )[0]
    )
    (fault,) = faults_of(lab(daemon_sets={"cpu": "1"}))
    assert "(2920m CPU, a pod 3000m)" in fault


def test_a_spot_drain_longer_than_the_notice_is_refused_with_its_parts(cloud):
    config = spot_lab(nodes_in_total=TOTAL)
    put(config, f"{MODEL}.longest_request_seconds", 10)

    (fault,) = faults_of(config)
    assert fault == (
        f"{MODEL}.longest_request_seconds: must let a pod end within its node's notice: a pod "
        "takes 22 s to end = 5 (propagation) + 2 (the age of a gRPC connection) + 10 (the longest "
        "request) + 5, and of the 15 s that a node gives notice 0 pass until its pods are told, 15 "
        "are left; got 10"
    )


def test_a_longer_shutdown_is_a_longer_notice(cloud):
    config = spot_lab(nodes_in_total=TOTAL, shutdown_grace_seconds=120)
    put(config, f"{MODEL}.longest_request_seconds", 10)
    platform, _ = loaded(config)

    assert shortest_notice(platform).seconds == 105


def test_spot_nodes_give_15_seconds_notice(cloud):
    platform, _ = loaded(spot_lab(nodes_in_total=TOTAL))

    assert shortest_notice(platform).seconds == 15


def test_pools_of_a_wrong_file_are_judged_as_far_as_they_are_sound(cloud):
    config = lab(location="nowhere")
    put(config, f"{POOL}.machine_type", "n1-standard-5")
    put(config, f"{MODEL}.replicas.maximum", 50)

    assert {fault.split(": ")[0] for fault in faults_of(config)} == {
        f"{PLATFORM}.location",
        f"{POOL}.machine_type",
    }


@pytest.mark.parametrize(
    ("expose", "at", "rule"),
    [
        ({"kind": "alb"}, "kind", "must be load_balancer or gateway, which this platform has"),
        ({"certificate": "c"}, "certificate", "must be left out: a load balancer of kind"),
        (
            {"kind": "gateway", "grpc": True, "scope": "public", "open_to_world": True},
            "grpc",
            "must be false: a gateway speaks gRPC to pods over TLS only",
        ),
        (
            {"kind": "gateway", "certificate": "arn:aws:acm", "scope": "public"},
            "certificate",
            "must be the name of an SSL certificate of Compute Engine in gcp:project",
        ),
        ({"kind": "gateway"}, "scope", "must come with tfserving:platform.network.proxy_cidr"),
    ],
)
def test_an_exposure_that_gke_has_not_is_refused(cloud, expose, at, rule):
    config = lab()
    put(config, f"{MODEL}.expose", expose)

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.expose.{at}: {rule}")


def test_an_internal_gateway_cannot_tell_its_clients(cloud):
    config = lab(network__proxy_cidr="10.70.0.0/24")
    put(config, f"{MODEL}.expose", {"kind": "gateway"})
    loaded(config)
    put(config, f"{MODEL}.expose", {"kind": "gateway", "cidrs": ["10.0.0.0/8"]})

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.expose.cidrs: must be empty: an internal gateway cannot tell")


def test_internal_clients_are_of_the_network_or_named(cloud):
    config = lab(network=EXISTING)
    put(config, f"{MODEL}.expose", {})
    (fault,) = faults_of(config)
    assert fault.startswith(
        f"{MODEL}.expose.scope: must come with cidrs, or {PLATFORM}.network.cidr"
    )

    for changes in ({"network": {**EXISTING, "cidr": "10.0.0.0/8"}}, {}):
        sound = lab(**changes)
        put(sound, f"{MODEL}.expose", {})
        loaded(sound)
    put(config, f"{MODEL}.expose", {"cidrs": ["10.0.0.0/8"]})
    loaded(config)


@pytest.mark.parametrize("path", ["/resnet", "gs://b/resnet", "a//b", "../up", "a/../b", "", "a b"])
def test_a_path_that_is_no_folder_of_the_bucket_is_refused(cloud, path):
    config = lab()
    put(config, f"{MODEL}.path", path)

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.path: must be a folder in the stack's bucket")


@pytest.mark.parametrize("name", ["Image", "a/b", "image_", "-a", "a:b", "x" * 64])
def test_a_model_name_that_urls_do_not_take_is_refused(cloud, name):
    config = lab()
    put(config, f"{MODEL}.model", name)

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.model: must be 1 to 63 lower-case letters, digits, hyphens")


@pytest.mark.parametrize("key", ["cidr", "pods_cidr", "services_cidr"])
def test_a_network_that_is_none_is_told_once(cloud, key):
    (fault,) = faults_of(lab(**{f"network__{key}": "ten"}))

    assert fault.startswith(f"{PLATFORM}.network.{key}: must be an IPv4 network from /")
