"""The template as plain values: `!Ref`, `!GetAtt` and the like in the long form that JSON has."""

from pathlib import Path
from typing import Any, Final

import yaml

TEMPLATE: Final = Path(__file__).with_name("template.yaml")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        value: Any = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = node.value
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _long_form)


def template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template's sections; raises yaml.YAMLError where it is not YAML."""
    read: dict[str, Any] = yaml.load(path.read_text(), _Loader)
    return read


def of_type(read: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of a type, by name."""
    found = read["Resources"].items()
    return {name: one.get("Properties", {}) for name, one in found if one["Type"] == kind}
