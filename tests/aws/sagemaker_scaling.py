"""Application Auto Scaling for inference components: what is registered, and which policies stand."""

from tests.aws.sagemaker_states import ACCOUNT, REGION, Fault, invalid

COPIES = "sagemaker:inference-component:DesiredCopyCount"


class Scaling:
    """Moves no copies by itself: a test sets `components.all[name].copies`."""

    def __init__(self, clock, components):
        self.clock, self.components, self.targets, self.policies = clock, components, {}, {}

    def register_scalable_target(self, body):
        name = body["ResourceId"].removeprefix("inference-component/")
        one = self.components.settled().get(name)
        if body["ScalableDimension"] != COPIES or one is None or one.base:
            raise invalid(f"No scalable inference component {body['ResourceId']}")
        if body.get("MinCapacity", 0) > body.get("MaxCapacity", 0):
            raise invalid("MinCapacity must not be greater than MaxCapacity")
        self.targets[body["ResourceId"]] = body | {"CreationTime": self.clock.stamp, "RoleARN": "-"}
        return {}

    def put_scaling_policy(self, body):
        if body["ResourceId"] not in self.targets:
            raise Fault("ObjectNotFoundException", f"No scalable target registered for {body['ResourceId']}")
        kinds = {
            "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
            "StepScaling": "StepScalingPolicyConfiguration",
        }
        if kinds.get(body.get("PolicyType")) not in body:
            raise invalid(f"{body.get('PolicyType')} needs its configuration")
        policy = f"scalingPolicy:0:resource/sagemaker/{body['ResourceId']}:policyName/{body['PolicyName']}"
        arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:{policy}"
        told = {"PolicyARN": arn, "CreationTime": self.clock.stamp}
        self.policies[body["ResourceId"], body["PolicyName"]] = body | told
        return {"PolicyARN": arn, "Alarms": []}

    def describe_scalable_targets(self, body):
        wanted = body.get("ResourceIds", list(self.targets))
        return {"ScalableTargets": [self.targets[one] for one in wanted if one in self.targets]}

    def describe_scaling_policies(self, body):
        wanted = body.get("ResourceId")
        found = [one for (target, _), one in self.policies.items() if wanted in (None, target)]
        return {"ScalingPolicies": found}

    def deregister_scalable_target(self, body):
        if body["ResourceId"] not in self.targets:
            raise Fault("ObjectNotFoundException", f"No scalable target registered for {body['ResourceId']}")
        del self.targets[body["ResourceId"]]
        self.policies = {key: one for key, one in self.policies.items() if key[0] != body["ResourceId"]}
        return {}
