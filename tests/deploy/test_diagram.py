"""The picture of the cloud form is the template's, and the one in docs/pictures."""

import copy

from deploy.aws.diagram import PICTURE, PLACES, Arrow, arrows, detail, draw
from deploy.aws.reading import of_type, template

READ = template()


def test_every_box_is_of_the_template_and_everything_that_serves_or_keeps_has_a_box():
    assert set(PLACES) <= set(READ["Resources"]) | set(READ["Parameters"])
    drawn = ["ECS::Service", "S3::Bucket", "RDS::DBInstance", "ElasticLoadBalancingV2::LoadBalancer",
             "Cognito::UserPool", "ECR::Repository", "SecretsManager::Secret"]  # fmt: skip
    names = {name for kind in drawn for name in of_type(READ, f"AWS::{kind}")}
    assert names - set(PLACES) == {"LogBucket"}
    assert all(detail(READ, box) for box in PLACES if box != "WorkGroup")


def test_an_arrow_is_a_rule_of_the_template_and_goes_with_it():
    assert Arrow("Web", "Code", "4000") in arrows(READ)
    assert Arrow("AllowedCidr", "LoadBalancer", "443") in arrows(READ)
    assert Arrow("Twin", "Database", "5432") not in arrows(READ)
    less = copy.deepcopy(READ)
    less["Resources"]["CodeGroup"]["Properties"]["SecurityGroupIngress"] = []
    del less["Resources"]["Listener"]
    gone = set(arrows(READ)) - set(arrows(less))
    assert gone == {
        Arrow("Web", "Code", "4000"),
        Arrow("WorkGroup", "Code", "4000"),
        Arrow("LoadBalancer", "Users", "login"),
    }


def test_the_picture_in_the_documents_is_this_templates(tmp_path):
    draw(READ, tmp_path / "aws.svg")
    assert (tmp_path / "aws.svg").read_text() == PICTURE.read_text(), "run `python -m deploy.aws.diagram`"
