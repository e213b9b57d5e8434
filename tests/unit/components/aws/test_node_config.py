"""NodeConfig: the document that nodeadm reads."""

import yaml

from components.aws.node_config import render_node_config
from components.kubernetes.taints import Taint

CLUSTER = {
    "cluster_name": "dev",
    "endpoint": "https://dev.invalid",
    "certificate_authority": "Q0E=",
    "service_cidr": "172.20.0.0/16",
}


def test_the_document_is_rendered_in_full():
    document = render_node_config(
        **CLUSTER,
        labels={"lifecycle": "Ec2Spot", "intent": "apps"},
        taints=(
            Taint(key="spot", value="yes", effect="NoSchedule"),
            Taint(key="slow", effect="PreferNoSchedule"),
        ),
    )

    assert document == (
        "apiVersion: node.eks.aws/v1alpha1\n"
        "kind: NodeConfig\n"
        "spec:\n"
        "  cluster:\n"
        "    name: dev\n"
        "    apiServerEndpoint: https://dev.invalid\n"
        "    certificateAuthority: Q0E=\n"
        "    cidr: 172.20.0.0/16\n"
        "  kubelet:\n"
        "    flags:\n"
        "    - --node-labels=lifecycle=Ec2Spot,intent=apps\n"
        "    - --register-with-taints=spot=yes:NoSchedule,slow=:PreferNoSchedule\n"
    )


def test_without_labels_and_taints_there_are_no_flags():
    document = yaml.safe_load(render_node_config(**CLUSTER, labels={}, taints=()))

    assert document["spec"]["kubelet"] == {"flags": []}
