"""The estimate is reckoned from the template's own sizes."""

import copy
import dataclasses

import pytest

from deploy.aws.cost import HOURS, PRICES, Use, lines, table, total
from deploy.aws.reading import TEMPLATE, template

READ = template()


def dollars(read, what):
    (line,) = [line for line in lines(read, Use()) if line.what == what]
    return line.dollars


def test_a_service_costs_its_cores_and_its_memory_all_month():
    task = READ["Resources"]["TwinTask"]["Properties"]
    hour = int(task["Cpu"]) / 1024 * PRICES["vcpu"] + int(task["Memory"]) / 1024 * PRICES["gib"]
    assert dollars(READ, "service Twin") == pytest.approx(HOURS * hour)


def test_a_bigger_template_costs_more():
    bigger = copy.deepcopy(READ)
    bigger["Resources"]["TwinTask"]["Properties"]["Cpu"] = "4096"
    assert dollars(bigger, "service Twin") > dollars(READ, "service Twin")
    bigger["Parameters"]["DatabaseMultiAz"]["Default"] = "true"
    assert dollars(bigger, "database") == pytest.approx(2 * dollars(READ, "database"))
    del bigger["Resources"]["DatabaseFull"]
    assert dollars(bigger, "alarms and container metrics") < dollars(READ, "alarms and container metrics")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Use)])
def test_more_use_costs_more(field):
    more = dataclasses.replace(Use(), **{field: 2 * getattr(Use(), field)})
    assert total(lines(READ, more)) > total(lines(READ, Use()))


def test_every_service_is_on_the_bill_and_every_machine_has_a_price():
    services = {name for name, one in READ["Resources"].items() if one["Type"] == "AWS::ECS::Service"}
    assert {f"service {name}" for name in services} <= {line.what for line in lines(READ, Use())}
    assert READ["Parameters"]["GpuInstanceType"]["Default"] in PRICES


def test_the_page_shows_the_bill_of_this_template_and_the_budget_is_above_it():
    bill = lines(READ, Use())
    assert table(bill) in (TEMPLATE.parent / "README.md").read_text()
    assert total(bill) < READ["Parameters"]["BudgetDollars"]["Default"]
