"""The service account that the nodes of a cluster run as."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.names import shortened

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
"""The scope that leaves it to IAM what an account may do."""

# https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#use_least_privilege_sa
_ROLES: Mapping[str, str] = {
    "node": "roles/container.defaultNodeServiceAccount",
    "registry": "roles/artifactregistry.reader",
}
# https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create
_LONGEST_ID = 30


@dataclass(frozen=True, kw_only=True)
class NodeAccountArgs:
    """Whose account it is; everything else about it is decided here.

    With the location of its cluster, clusters of one name in a project have an account each.
    """

    project: str
    location: str


class NodeAccount(pulumi.ComponentResource):
    """An account that lets a node join, log and pull images, and nothing that its pods could want.

    Who uses its `email` waits until it has its roles.
    """

    email: pulumi.Output[str]

    def __init__(
        self, name: str, args: NodeAccountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:NodeAccount", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        account = gcp.serviceaccount.Account(
            f"{name}-account",
            # "-nodes" also makes it the six characters that it has to have.
            account_id=shortened(f"{name}-nodes-{args.location}", _LONGEST_ID),
            display_name=f"Nodes of {name}",
            project=args.project,
            opts=child,
        )
        grants = [
            # A binding would take the role from everyone else who has it.
            gcp.projects.IAMMember(
                f"{name}-{suffix}",
                project=args.project,
                role=role,
                member=pulumi.Output.format("serviceAccount:{0}", account.email),
                opts=child,
            )
            for suffix, role in _ROLES.items()
        ]

        # A role, unlike an id, is known in a preview.
        known = pulumi.Output.all(account.email, *(grant.role for grant in grants))
        self.email = known.apply(lambda known: known[0])
        self.register_outputs({"email": self.email})
