"""Draws docs/pictures/aws.svg from the template: `python -m deploy.aws.diagram`.

Boxes are resources, with the sizes that the template gives them. An arrow is a security group's rule, a load
balancer's target, or what a role may reach; none is drawn by hand.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.aws.reading import TEMPLATE, of_type, template

PICTURE: Final = TEMPLATE.parents[2] / "docs" / "pictures" / "aws.svg"
# Where each box stands: its middle, in units of the picture, and what it is called.
PLACES: Final = {
    "AllowedCidr": (1.4, 4.9, "people, programs"),
    "Users": (5.1, 8.0, "Cognito: login"),
    "LoadBalancer": (5.1, 4.9, "load balancer"),
    "Web": (9.4, 8.0, "webserver"),
    "Code": (13.8, 8.0, "code location"),
    "WorkGroup": (12.95, 5.1, ""),
    "Daemon": (9.4, 5.0, "daemon"),
    "RunTask": (12.95, 5.0, "runs"),
    "GpuTask": (16.5, 5.0, "trainings on GPUs"),
    "Twin": (12.95, 2.6, "server of the twins"),
    "Database": (20.0, 8.0, "RDS Postgres"),
    "Store": (20.0, 5.0, "S3: store"),
    "SageMakerRole": (20.0, 2.6, "SageMaker"),
    "DeployRole": (1.4, 0.75, "GitHub: OIDC"),
    "Images": (5.1, 0.75, "ECR: images"),
    "Settings": (9.4, 0.75, "Secrets Manager"),
    "Alarms": (12.95, 0.75, "alarms, budget"),
}
COLOURS: Final = {"way in": "#33557f", "task": "#2f6b4f", "kept": "#8a5a1c", "around": "#5c5c66"}
SIDES: Final = {
    "way in": {"AllowedCidr", "Users", "LoadBalancer"},
    "kept": {"Database", "Store", "Settings", "Images"},
    "around": {"SageMakerRole", "Alarms", "DeployRole"},
}
WIDTH, HEIGHT = 2.9, 1.05
# The daemon and what it starts stand in one frame: they share a security group.
WORK: Final = (10.5, 1.8)
# Lines that would lie on others, and how far they bend.
BENT: Final = {("Web", "Database"): -0.07, ("Daemon", "GpuTask"): -0.25}


@dataclass(frozen=True)
class Arrow:
    """From one box to another; `label` is the port or the service."""

    start: str
    end: str
    label: str


def arrows(read: dict[str, Any]) -> list[Arrow]:
    """Every arrow that the template gives reason for, in order."""
    found = {*_doors(read), *_logins(read), *_grants(read), *_pushes(read)}
    return sorted(found, key=lambda one: (one.start, one.end, one.label))


def _behind(read: dict[str, Any]) -> dict[str, str]:
    """The box behind each security group."""
    behind = {"LoadBalancerGroup": "LoadBalancer", "DatabaseGroup": "Database"}
    for name, service in of_type(read, "AWS::ECS::Service").items():
        (group,) = service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
        behind[group["Ref"]] = name
    return behind | {"WorkGroup": "WorkGroup"}


def _doors(read: dict[str, Any]) -> list[Arrow]:
    behind, found = _behind(read), []
    for group, one in of_type(read, "AWS::EC2::SecurityGroup").items():
        for rule in one.get("SecurityGroupIngress", []):
            source = rule.get("SourceSecurityGroupId", {}).get("Ref")
            start = behind[source] if source else rule["CidrIp"]["Ref"]
            found.append(Arrow(start, behind[group], str(rule["ToPort"])))
    return found


def _logins(read: dict[str, Any]) -> list[Arrow]:
    listeners = of_type(read, "AWS::ElasticLoadBalancingV2::Listener").values()
    kinds = {action["Type"] for one in listeners for action in one["DefaultActions"]}
    return [Arrow("LoadBalancer", "Users", "login")] if "authenticate-cognito" in kinds else []


def _grants(read: dict[str, Any]) -> list[Arrow]:
    """What the role of each task may reach: the store, SageMaker, and tasks to start."""
    tasks, roles = of_type(read, "AWS::ECS::TaskDefinition"), of_type(read, "AWS::IAM::Role")
    boxes = {name.removesuffix("Task") if name not in PLACES else name: task for name, task in tasks.items()}
    found = []
    for box, task in boxes.items():
        words = str(roles[task["TaskRoleArn"]["Fn::GetAtt"][0]])
        start = "WorkGroup" if box in ("RunTask", "GpuTask") else box
        if "StoreAccess" in words:
            found.append(Arrow(start, "Store", "S3"))
        if "sagemaker:" in words:
            found.append(Arrow(start, "SageMakerRole", "API"))
        if "ecs:RunTask" in words:
            found += [Arrow(box, "RunTask", "starts"), Arrow(box, "GpuTask", "starts")]
    return found


def _pushes(read: dict[str, Any]) -> list[Arrow]:
    role = of_type(read, "AWS::IAM::Role")["DeployRole"]
    return [Arrow("DeployRole", "Images", "push")] if "ecr:PutImage" in str(role) else []


def detail(read: dict[str, Any], box: str) -> str:
    """The second line of a box: what the template says of its size."""
    resources = read["Resources"]
    task = resources.get(box if box in ("RunTask", "GpuTask") else f"{box}Task", {}).get("Properties")
    if box == "GpuTask":
        machine = read["Parameters"]["GpuInstanceType"]["Default"]
        return f"EC2 {machine}, {resources['Machines']['Properties']['MinSize']} while idle"
    if task:
        return f"Fargate, {int(task['Cpu']) / 1024:g} vCPU, {int(task['Memory']) / 1024:g} GiB"
    plain = {
        "AllowedCidr": "from AllowedCidr only",
        "Users": "and a second factor",
        "LoadBalancer": "TLS, two zones",
        "Database": f"{read['Parameters']['DatabaseClass']['Default']}, by token",
        "Store": "LLM_TWIN_HOME, versioned",
        "SageMakerRole": "training, endpoints",
        "Images": "by digest",
        "Settings": "by reference",
        "WorkGroup": "",
        "Alarms": f"{len(of_type(read, 'AWS::CloudWatch::Alarm'))} alarms, by mail",
        "DeployRole": "images, no keys",
    }
    return plain[box]


def draw(read: dict[str, Any], path: Path) -> None:
    """Write the picture; the same template gives the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(
        {"svg.hashsalt": "llm-twin", "svg.fonttype": "none", "font.family": "sans-serif"}
    ):
        figure = Figure(figsize=(14.5, 6.4))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-0.25, 21.7), ylim=(0.0, 9.4))
        axes.axis("off")
        _frames(axes)
        for arrow in arrows(read):
            _arrow(axes, arrow)
        for box in PLACES:
            _box(axes, box, detail(read, box))
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _frames(axes: Any) -> None:
    from matplotlib.patches import Rectangle

    for left, width, title in (
        (3.35, 3.5, "public subnets, and the login"),
        (7.5, 14.15, "private subnets, and what they reach"),
    ):
        frame = Rectangle((left, 1.6), width, 7.7, facecolor="#f5f6f8", edgecolor="#c8ccd4")
        axes.add_patch(frame)
        axes.text(left + 0.15, 9.05, title, fontsize=9, color="#5c5c66", va="center")


def _box(axes: Any, box: str, second: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, title = PLACES[box]
    colour = COLOURS[next((side for side, names in SIDES.items() if box in names), "task")]
    width, height = _extent(box)
    style: dict[str, Any] = {
        "boxstyle": "round,pad=0,rounding_size=0.12",
        "edgecolor": colour,
        "linewidth": 1.6,
        "zorder": 3,
    }
    if box == "WorkGroup":
        style |= {"facecolor": "#e9f1ec", "linewidth": 0.8, "zorder": 2}
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(corner, width, height, **({"facecolor": "white"} | style)))
    axes.text(
        x, y + 0.18, title, ha="center", va="center", fontsize=11, color=colour, weight="bold", zorder=4
    )
    axes.text(x, y - 0.22, second, ha="center", va="center", fontsize=8.5, color="#333333", zorder=4)


def _arrow(axes: Any, arrow: Arrow) -> None:
    start, end = _edge(arrow.start, arrow.end), _edge(arrow.end, arrow.start)
    bend = BENT.get((arrow.start, arrow.end), 0.0)
    colour = COLOURS["kept"] if arrow.end in ("Store", "Database") else "#6b7280"
    look = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.2, "connectionstyle": f"arc3,rad={bend}"}
    axes.annotate("", end, start, arrowprops=look, zorder=2.5)
    dx, dy = end[0] - start[0], end[1] - start[1]
    # Lines to the store cross others in their middle.
    along = 0.22 if arrow.end == "Store" else 0.4
    x, y = start[0] + along * dx + bend / 2 * dy, start[1] + along * dy - bend / 2 * dx
    if abs(dx) + abs(dy) < 1:
        return
    box = {"facecolor": "#f5f6f8", "edgecolor": "none", "pad": 1.2}
    axes.text(x, y, arrow.label, fontsize=8, color=colour, ha="center", va="center", bbox=box, zorder=2.6)


def _extent(box: str) -> tuple[float, float]:
    return WORK if box == "WorkGroup" else (WIDTH, HEIGHT)


def _edge(box: str, other: str) -> tuple[float, float]:
    """Where a line to another box leaves the first: straight up or down where they overlap."""
    (x, y, _), (u, v, _), (width, height) = PLACES[box], PLACES[other], _extent(box)
    if {box, other} in ({"Web", "Database"}, {"Daemon", "GpuTask"}):
        return x, y + height / 2
    if "WorkGroup" in (box, other) and u - x and other not in ("Store", "SageMakerRole"):
        inner = u if box == "WorkGroup" else x
        if abs(inner - PLACES["WorkGroup"][0]) < WORK[0] / 2:
            return inner, y + (height / 2 if v > y else -height / 2)
    dx, dy = u - x, v - y
    scale = min(width / 2 / abs(dx) if dx else 9.0, height / 2 / abs(dy) if dy else 9.0)
    return x + dx * scale, y + dy * scale


if __name__ == "__main__":
    draw(template(), PICTURE)
