"""User data of self-managed nodes: the NodeConfig that tells nodeadm how to join a cluster."""

from collections.abc import Mapping, Sequence

import yaml

from components.kubernetes.taints import Taint


def render_node_config(  # noqa: PLR0913 - each is a field of the document
    *,
    cluster_name: str,
    endpoint: str,
    certificate_authority: str,
    service_cidr: str,
    labels: Mapping[str, str],
    taints: Sequence[Taint],
) -> str:
    """Return the NodeConfig of nodes with these labels and taints."""
    # https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/
    flags = {
        "node-labels": [f"{key}={value}" for key, value in labels.items()],
        "register-with-taints": [f"{each.key}={each.value}:{each.effect}" for each in taints],
    }
    return yaml.safe_dump(
        {
            "apiVersion": "node.eks.aws/v1alpha1",
            "kind": "NodeConfig",
            "spec": {
                "cluster": {
                    "name": cluster_name,
                    "apiServerEndpoint": endpoint,
                    "certificateAuthority": certificate_authority,
                    "cidr": service_cidr,
                },
                "kubelet": {
                    "flags": [f"--{flag}={','.join(of)}" for flag, of in flags.items() if of]
                },
            },
        },
        sort_keys=False,
    )
