"""The way to a bucket for the pods of one Kubernetes service account."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

# Of an expression's logical operators there may be twelve: one for each prefix.
# https://cloud.google.com/iam/quotas#limits
_MOST_PREFIXES = 12


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentityArgs:
    """Who the pods are and what they read: objects below prefixes of a bucket.

    In any cluster of the project, pods of that service account and namespace are the same to IAM.
    """

    project: str
    project_number: str
    namespace: str
    service_account: str
    bucket: pulumi.Input[str]
    prefixes: Sequence[str]


class WorkloadIdentity(pulumi.ComponentResource):
    """Pods of one service account, and no others, read what is below the prefixes, no more.

    Of the rest of the bucket they see names: Cloud Storage lists a bucket or does not.
    """

    def __init__(
        self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:WorkloadIdentity", name, {}, opts)

        prefixes = sorted(set(args.prefixes))
        parts = [
            prefixes[at : at + _MOST_PREFIXES] for at in range(0, len(prefixes), _MOST_PREFIXES)
        ]
        for number, part in enumerate(parts, start=1):
            gcp.storage.BucketIAMMember(
                f"{name}-reader-{number}",
                bucket=args.bucket,
                role="roles/storage.objectViewer",
                member=_principal(args),
                condition={"title": f"models-{number}", "expression": _below(args.bucket, part)},
                opts=pulumi.ResourceOptions(parent=self),
            )

        self.register_outputs({})


def _principal(args: WorkloadIdentityArgs) -> str:
    # The project's number in one place, its id in the other.
    # https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
    pool = f"projects/{args.project_number}/locations/global/workloadIdentityPools"
    subject = f"ns/{args.namespace}/sa/{args.service_account}"
    return f"principal://iam.googleapis.com/{pool}/{args.project}.svc.id.goog/subject/{subject}"


def _below(bucket: pulumi.Input[str], prefixes: Sequence[str]) -> pulumi.Output[str]:
    # https://cloud.google.com/iam/docs/conditions-resource-attributes
    def expression(bucket: str) -> str:
        objects = [f"projects/_/buckets/{bucket}/objects/{prefix}/" for prefix in prefixes]
        begin = [f"resource.name.startsWith({json.dumps(each)})" for each in objects]
        return " || ".join(['resource.type != "storage.googleapis.com/Object"', *begin])

    return pulumi.Output.from_input(bucket).apply(expression)
