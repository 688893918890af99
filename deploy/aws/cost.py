"""What the stack costs a month, from the sizes in its template: `python -m deploy.aws.cost`.

List prices of us-east-1 without tax, free tiers and discounts, as known in 2025; other regions cost a tenth
to a third more. Look at AWS's pricing pages before you sign anything.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from deploy.aws.reading import of_type, template

REGION: Final = "us-east-1"
DATED: Final = "2025"
HOURS: Final = 730
# US dollars. An hour of a Fargate core and GiB; an hour of a machine or gateway; a month of the rest.
PRICES: Final = {
    "vcpu": 0.04048,
    "gib": 0.004445,
    "disk": 0.000111,
    "alb": 0.0225,
    "lcu": 0.008,
    "nat": 0.045,
    "address": 0.005,
    "db.t4g.micro": 0.016,
    "db.t4g.small": 0.032,
    "db.t4g.medium": 0.065,
    "db.m7g.large": 0.168,
    "g6.xlarge": 0.8048,
    "g6.2xlarge": 0.9776,
    "g6e.xlarge": 1.861,
    "gp3": 0.115,
    "nat_gb": 0.045,
    "log_gb": 0.50,
    "s3_gb": 0.023,
    "ecr_gb": 0.10,
    "secret": 0.40,
    "key": 1.00,
    "alarm": 0.10,
    "zone": 0.50,
    "metric": 0.30,
}
# Fargate gives so much disk with every task.
FREE_DISK: Final = 20


@dataclass(frozen=True)
class Use:
    """What no template says: how much is done in a month. Hours, and GB of what is kept or sent."""

    run_hours: float = 60.0
    gpu_hours: float = 20.0
    stored_gb: float = 50.0
    image_gb: float = 10.0
    log_gb: float = 5.0
    nat_gb: float = 50.0
    # Container Insights: so many metrics for each service and for the cluster.
    metrics: float = 15.0


@dataclass(frozen=True)
class Line:
    """One line of the bill: what, reckoned from what, US dollars a month."""

    what: str
    of: str
    dollars: float


def lines(read: dict[str, Any], use: Use) -> list[Line]:
    """The bill, what runs all the time first."""
    return [*_services(read), *_network(read), *_database(read), *_runs(read, use), *_kept(read, use)]


def total(bill: list[Line]) -> float:
    """US dollars a month."""
    return sum(line.dollars for line in bill)


def _services(read: dict[str, Any]) -> Iterator[Line]:
    tasks = of_type(read, "AWS::ECS::TaskDefinition")
    for name, service in of_type(read, "AWS::ECS::Service").items():
        task, count = tasks[service["TaskDefinition"]["Ref"]], _given(read, service["DesiredCount"])
        yield Line(f"service {name}", f"{count} x {_size(task)}", float(count) * HOURS * _hour(task))


def _network(read: dict[str, Any]) -> Iterator[Line]:
    balancers, gateways = (
        _count(read, "ElasticLoadBalancingV2::LoadBalancer"),
        _count(read, "EC2::NatGateway"),
    )
    yield Line("load balancer", f"{balancers}, 1 LCU", balancers * HOURS * (PRICES["alb"] + PRICES["lcu"]))
    yield Line("NAT gateway", str(gateways), gateways * HOURS * PRICES["nat"])
    # The load balancer has one in each of its two zones.
    addresses = gateways + 2 * balancers
    yield Line("public IPv4 addresses", str(addresses), addresses * HOURS * PRICES["address"])
    zones = _count(read, "ServiceDiscovery::PrivateDnsNamespace")
    yield Line("private DNS zone", str(zones), zones * PRICES["zone"])


def _database(read: dict[str, Any]) -> Iterator[Line]:
    for one in of_type(read, "AWS::RDS::DBInstance").values():
        kind, size = _given(read, one["DBInstanceClass"]), float(_given(read, one["AllocatedStorage"]))
        copies = 2 if _given(read, one["MultiAZ"]) == "true" else 1
        hourly, disk = PRICES[kind] * HOURS, PRICES["gp3"] * size
        yield Line("database", f"{copies} x {kind}, {size:.0f} GB", copies * (hourly + disk))


def _runs(read: dict[str, Any], use: Use) -> Iterator[Line]:
    run = of_type(read, "AWS::ECS::TaskDefinition")["RunTask"]
    yield Line("runs on CPUs", f"{use.run_hours:g} h x {_size(run)}", use.run_hours * _hour(run))
    kind = _given(
        read, of_type(read, "AWS::EC2::LaunchTemplate")["Machine"]["LaunchTemplateData"]["InstanceType"]
    )
    yield Line("runs on GPUs", f"{use.gpu_hours:g} h x {kind}", use.gpu_hours * PRICES[kind])


def _kept(read: dict[str, Any], use: Use) -> Iterator[Line]:
    yield Line("store and images", f"{use.stored_gb:g} + {use.image_gb:g} GB",
               use.stored_gb * PRICES["s3_gb"] + use.image_gb * PRICES["ecr_gb"])  # fmt: skip
    yield Line("logs", f"{use.log_gb:g} GB", use.log_gb * PRICES["log_gb"])
    yield Line("sent through NAT", f"{use.nat_gb:g} GB", use.nat_gb * PRICES["nat_gb"])
    # The database's own secret is the one more.
    secrets, keys = _count(read, "SecretsManager::Secret") + 1, _count(read, "KMS::Key")
    yield Line("secrets and key", f"{secrets} + {keys}", secrets * PRICES["secret"] + keys * PRICES["key"])
    alarms = _count(read, "CloudWatch::Alarm")
    yield Line("alarms and container metrics", f"{alarms} + {use.metrics:g}",
               alarms * PRICES["alarm"] + use.metrics * PRICES["metric"])  # fmt: skip


def _hour(task: dict[str, Any]) -> float:
    cpu, memory = int(task["Cpu"]) / 1024, int(task["Memory"]) / 1024
    disk = max(0, int(task.get("EphemeralStorage", {}).get("SizeInGiB", FREE_DISK)) - FREE_DISK)
    return cpu * PRICES["vcpu"] + memory * PRICES["gib"] + disk * PRICES["disk"]


def _size(task: dict[str, Any]) -> str:
    return f"{int(task['Cpu']) / 1024:g} vCPU, {int(task['Memory']) / 1024:g} GiB"


def _given(read: dict[str, Any], value: Any) -> Any:
    """A value, or the default of the parameter that it refers to."""
    return read["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value


def _count(read: dict[str, Any], kind: str) -> int:
    return len(of_type(read, f"AWS::{kind}"))


def table(bill: list[Line]) -> str:
    """The bill in Markdown."""
    rows = [f"| {line.what} | {line.of} | {line.dollars:.2f} |" for line in bill]
    head = [f"| {REGION}, {DATED} | of | $ a month |", "|---|---|---:|"]
    return "\n".join([*head, *rows, f"| **together** | | **{total(bill):.0f}** |"])


if __name__ == "__main__":
    sys.stdout.write(table(lines(template(), Use())) + "\n")
