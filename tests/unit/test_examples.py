"""The examples: what a reader copies loads, deploys and reads the contract."""

import runpy
from typing import Any

import pulumi
import pytest

import settings
import stacks
from tests.unit.stack_files import PLATFORM, ROOT, config_of, configure
from tests.unit.stacks.platforms import STACK, outputs

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMESPACE = "kubernetes:core/v1:Namespace"
PROVIDER = "pulumi:providers:kubernetes"


def run_consumer(cloud: Any, **changes: Any) -> dict[str, Any]:
    cloud.stacks[STACK] = outputs(**changes)
    configure({"tfserving:serving": STACK, "tfserving:namespace": "apps"})
    return cloud.run(lambda: runpy.run_path(str(ROOT / "examples" / "consumer" / "__main__.py")))


def test_the_stack_that_shares_a_platform_deploys(cloud):
    config = config_of(ROOT / "examples" / "Pulumi.team-a.yaml")
    cloud.stacks[config[PLATFORM]["stack"]] = outputs()
    configure(config)

    deployed = cloud.run(lambda: stacks.deploy(settings.load()))

    assert {each["metadata"]["name"] for each in cloud.all(NAMESPACE).values()} == {"team-a"}
    assert deployed.models["plus-two"].namespace == "team-a"


def test_it_is_on_dev():
    config = config_of(ROOT / "examples" / "Pulumi.team-a.yaml")

    assert config[PLATFORM] == {"kind": "shared", "stack": "organization/tfserving/dev"}
    assert config["aws:region"] == config_of()["aws:region"]


def test_the_consumer_tells_each_models_url(cloud):
    run_consumer(cloud)

    told = cloud.one(CONFIG_MAP)
    assert told["metadata"] == {"name": "models", "namespace": "apps"}
    assert told["data"] == {
        "resnet.url": "http://resnet.serving.svc.cluster.local:8501/v1/models/resnet:predict"
    }
    assert cloud.one(PROVIDER)["clusterIdentifier"] == "tfserving-prod"


@pytest.mark.parametrize("version", [2, None])
def test_the_consumer_reads_no_other_contract(cloud, version):
    with pytest.raises(pulumi.RunError, match=f"{STACK} does not keep contract 1, which"):
        run_consumer(cloud, contract_version=version)

    assert CONFIG_MAP not in cloud.types()
