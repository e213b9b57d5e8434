"""The kubernetes provider on a real API server: what it reads back, and how it deletes."""

from uuid import uuid4

import pytest

from sandbox.providers.plugin import Refused
from sandbox.tests.kubernetes_program import (
    CONFIG_MAP,
    DEPLOYMENT,
    Program,
    config_map,
    deployment,
    scaled_by,
)


def test_a_refresh_after_up_is_quiet(provider, api, space, node):
    program = Program(provider, DEPLOYMENT)
    program.up(deployment(space, cpu="1000m"))
    scaled_by(api, space, "kube-controller-manager", 2)

    live = program.refresh()

    assert live.inputs == program.inputs


def test_a_change_by_hand_is_seen(provider, api, space):
    program = Program(provider, CONFIG_MAP)
    program.up(config_map(space, data={"a": "1", "b": "2"}))
    api.patch("v1", "ConfigMap", "web", {"data": {"a": "9", "c": "3"}}, space)

    live = program.refresh()

    assert live.inputs["data"] == {"a": "9", "b": "2"}
    assert live.outputs["data"] == {"a": "9", "b": "2", "c": "3"}


def test_a_replica_count_that_a_user_set_is_seen(provider, api, space, node):
    program = Program(provider, DEPLOYMENT)
    program.up(deployment(space))
    scaled_by(api, space, "kubectl", 2)

    live = program.refresh()

    assert live.inputs["spec"] == {**program.inputs["spec"], "replicas": 2}


def test_an_import_has_the_live_objects_fields(provider, api, space):
    api.create({"apiVersion": "v1", "kind": "ConfigMap", **config_map(space, data={"a": "1"})})
    program = Program(provider, CONFIG_MAP)
    program.id = f"{space}/web"

    live = program.refresh()

    assert live.inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": space},
        "data": {"a": "1"},
    }


def test_a_deletion_waits_until_the_object_is_gone(provider, api, space):
    program = Program(provider, CONFIG_MAP)
    program.up(config_map(space))

    program.destroy()
    program.destroy()

    assert program.refresh() is None


def test_a_deletion_that_something_holds_names_it(provider, api, space, monkeypatch):
    monkeypatch.setattr("sandbox.providers.kubernetes_objects._LONGEST_DELETION", 1.0)
    program = Program(provider, CONFIG_MAP)
    inputs = config_map(space)
    inputs["metadata"]["finalizers"] = ["example.com/hold"]
    program.up(inputs)

    with pytest.raises(Refused, match=r"still exists 1 s after .* example\.com/hold"):
        program.destroy()

    api.patch("v1", "ConfigMap", "web", {"metadata": {"finalizers": None}}, space)


def test_a_namespace_is_gone_with_what_is_in_it(provider, api):
    name = f"whole-{uuid4().hex[:8]}"
    program = Program(provider, "kubernetes:core/v1:Namespace")
    program.up({"metadata": {"name": name}})
    Program(provider, CONFIG_MAP).up(config_map(name))

    assert program.id == name
    program.destroy()

    assert api.list("v1", "ConfigMap", name) == []
