"""EC2's instance types, as a table: instance_types.csv.

- Sizes are what EC2's DescribeInstanceTypes said in 2026 (p3.2xlarge, which has gone from its
  answers, is from before); `max_pods` is EKS's: interfaces x (addresses of each - 1) + 2, of the
  default network card. `aws ec2 describe-instance-types` has what a row more needs.
- Prices are the Price List API's, per hour on demand, us-east-1, Linux, of `PRICED_ON`; a type
  without one has not been priced.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

PRICED_ON = date(2026, 7, 20)
TABLE = Path(__file__).with_suffix(".csv")


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """How large an instance is, and what an hour of it costs on demand."""

    name: str
    vcpus: int
    memory_mib: int
    max_pods: int
    architecture: str
    burstable: bool
    accelerator_mib: int | None
    usd_per_hour: Decimal | None

    @property
    def shape(self) -> str:
        """CPU and memory, which an autoscaler takes for equal within a pool."""
        return f"{self.vcpus} vCPU and {self.memory_mib / 1024:g} GiB"


@cache
def instance_types() -> Mapping[str, InstanceType]:
    """Return every type of the table by name."""
    with TABLE.open(newline="") as table:
        return {row["type"]: _instance_type(row) for row in csv.DictReader(table)}


def types_of(names: Iterable[str]) -> Sequence[InstanceType]:
    """Return the types of these names, all of which are in the table."""
    return [instance_types()[name] for name in names]


def _instance_type(row: Mapping[str, str]) -> InstanceType:
    accelerator, price = row["accelerator_mib"], row["usd_per_hour"]
    return InstanceType(
        name=row["type"],
        vcpus=int(row["vcpus"]),
        memory_mib=int(row["memory_mib"]),
        max_pods=int(row["max_pods"]),
        architecture=row["architecture"],
        burstable=row["burstable"] == "yes",
        accelerator_mib=int(accelerator) if accelerator else None,
        usd_per_hour=Decimal(price) if price else None,
    )
