"""Models, endpoint configurations and endpoints of the stand-in."""

from tests.aws.sagemaker_states import Living, arn, invalid

CREATING, UPDATING, BAKING, DELETING = 240, 240, 300, 60


class Endpoint(Living):
    """`failed`: what its container says instead of coming up, or None."""

    def __init__(self, owner, body, failed):
        super().__init__(owner.clock)
        self.owner, self.name, self.body, self.failed = owner, body["EndpointName"], body, failed
        self.config = owner.configs[body["EndpointConfigName"]]
        self.state, self.reason, self.last, self.weights = "Creating", None, None, {}
        self.begin(self._created())

    @property
    def variants(self):
        return {one["VariantName"]: one for one in self.config["ProductionVariants"]}

    def _enter(self, state, reason=None):
        self.state, self.reason, self.modified = state, reason, self.clock.stamp

    def _created(self):
        yield from self.waiting(CREATING)
        self._enter("Failed", self.failed) if self.failed else self._enter("InService")

    def update(self, body, failed, rollback_fails):
        if self.state not in ("InService", "UpdateRollbackFailed"):
            raise invalid(f"Cannot update in-progress endpoint: {self.state}")
        config = self.owner.configs[body["EndpointConfigName"]]
        names = {one["VariantName"] for one in config["ProductionVariants"]}
        if "DeploymentConfig" in body and names != self.variants.keys():
            raise invalid("The new endpoint configuration must have the same variant names.")
        self._enter("Updating")
        self.last = body.get("DeploymentConfig")
        self.begin(self._updated(config, failed, rollback_fails))

    def _updated(self, config, failed, rollback_fails):
        yield from self.waiting(UPDATING)
        alarm = None if failed else (yield from watched(self, self.owner, self.last or {}))
        if not failed and not alarm:
            self.config, self.weights = config, {}
            return self._enter("InService")
        told = failed or f"The following alarms went off: {alarm}. The update was rolled back."
        self._enter("RollingBack", told)
        yield from self.waiting(UPDATING)
        self._enter("UpdateRollbackFailed" if rollback_fails else "InService", told)

    def delete(self):
        if self.state in ("Creating", "Updating", "RollingBack"):
            raise invalid(f"Cannot update in-progress endpoint: {self.state}")
        if self.owner.components.of(self.name):
            raise invalid(f"Cannot delete endpoint {self.name} while it hosts inference components.")
        self._enter("Deleting")
        self.begin(self._deleted())

    def _deleted(self):
        yield from self.waiting(DELETING)
        self.owner.endpoints.pop(self.name)

    def described(self):
        told = {
            "EndpointName": self.name,
            "EndpointArn": arn("endpoint", self.name),
            "EndpointConfigName": self.config["EndpointConfigName"],
            "EndpointStatus": self.state,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "ProductionVariants": [
                {"VariantName": name, "DesiredWeight": self.weights.get(name, 1.0), "CurrentWeight": 1.0}
                for name in self.variants
            ],
        }
        told |= {"LastDeploymentConfig": self.last} if self.last else {}
        return told | ({"FailureReason": self.reason} if self.reason else {})


def watched(living, owner, deployment):
    """The alarms that went off while the new fleet was watched; yields meanwhile."""
    names = [one["AlarmName"] for one in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
    until = living.clock.now + BAKING
    while living.clock.now < until:
        if off := owner.alarms(names):
            return ", ".join(off)
        yield
    return ", ".join(owner.alarms(names))


class Endpoints:
    """`alarms`: of these names, those that went off. `components`: set by the stand-in.

    `fails`: by a configuration's name, what its container says instead of coming up. `rollback_fails`:
    whether a roll-back does.
    """

    def __init__(self, clock, alarms):
        self.clock, self.alarms = clock, alarms
        self.models, self.configs, self.endpoints = {}, {}, {}
        self.components, self.fails, self.rollback_fails = None, {}, False

    def create_model(self, body):
        name = body["ModelName"]
        if name in self.models:
            raise invalid(f"Cannot create already existing model {arn('model', name)}.")
        if "PrimaryContainer" not in body and "Containers" not in body:
            raise invalid("One of PrimaryContainer and Containers is required.")
        if "Image" not in body.get("PrimaryContainer", {"Image": ""}):
            raise invalid("Image is required.")
        if "ExecutionRoleArn" not in body:
            raise invalid("ExecutionRoleArn is required.")
        self.models[name] = body
        return {"ModelArn": arn("model", name)}

    def describe_model(self, body):
        found = _found(self.models, body["ModelName"], "model")
        times = {"CreationTime": self.clock.stamp, "ModelArn": arn("model", body["ModelName"])}
        return {key: value for key, value in found.items() if key != "Tags"} | times

    def delete_model(self, body):
        _found(self.models, body["ModelName"], "model")
        del self.models[body["ModelName"]]
        return {}

    def list_models(self, body):
        names = [name for name in sorted(self.models) if body.get("NameContains", "") in name]
        times = {"CreationTime": self.clock.stamp}
        return {"Models": [{"ModelName": name, "ModelArn": arn("model", name)} | times for name in names]}

    def create_endpoint_config(self, body):
        name = body["EndpointConfigName"]
        if name in self.configs:
            raise invalid(f"Cannot create already existing endpoint configuration {name}.")
        for variant in body["ProductionVariants"]:
            self._check_variant(variant, body)
        self.configs[name] = body
        return {"EndpointConfigArn": arn("endpoint-config", name)}

    def _check_variant(self, variant, body):
        if "ModelName" in variant:
            _found(self.models, variant["ModelName"], "model")
        elif "ExecutionRoleArn" not in body:
            raise invalid("ExecutionRoleArn is required where a variant names no model.")
        scaling = variant.get("ManagedInstanceScaling", {})
        if scaling.get("MinInstanceCount", 1) > scaling.get("MaxInstanceCount", 1):
            raise invalid("MinInstanceCount must not be greater than MaxInstanceCount.")
        if "InitialInstanceCount" not in variant or "InstanceType" not in variant:
            raise invalid("InitialInstanceCount and InstanceType are required.")

    def describe_endpoint_config(self, body):
        found = _found(self.configs, body["EndpointConfigName"], "endpoint configuration")
        times = {"CreationTime": self.clock.stamp}
        name = body["EndpointConfigName"]
        kept = {key: value for key, value in found.items() if key != "Tags"}
        return kept | times | {"EndpointConfigArn": arn("endpoint-config", name)}

    def delete_endpoint_config(self, body):
        _found(self.configs, body["EndpointConfigName"], "endpoint configuration")
        del self.configs[body["EndpointConfigName"]]
        return {}

    def create_endpoint(self, body):
        if body["EndpointName"] in self.settled():
            raise invalid(f"Cannot create already existing endpoint {arn('endpoint', body['EndpointName'])}.")
        _found(self.configs, body["EndpointConfigName"], "endpoint configuration")
        failed = self.fails.get(body["EndpointConfigName"])
        self.endpoints[body["EndpointName"]] = Endpoint(self, body, failed)
        return {"EndpointArn": arn("endpoint", body["EndpointName"])}

    def describe_endpoint(self, body):
        return self.endpoint(body["EndpointName"]).described()

    def update_endpoint(self, body):
        _found(self.configs, body["EndpointConfigName"], "endpoint configuration")
        failed = self.fails.get(body["EndpointConfigName"])
        self.endpoint(body["EndpointName"]).update(body, failed, self.rollback_fails)
        return {"EndpointArn": arn("endpoint", body["EndpointName"])}

    def update_endpoint_weights_and_capacities(self, body):
        endpoint = self.endpoint(body["EndpointName"])
        if endpoint.state != "InService":
            raise invalid(f"Cannot update in-progress endpoint: {endpoint.state}")
        wanted = {one["VariantName"]: one for one in body["DesiredWeightsAndCapacities"]}
        if unknown := wanted.keys() - endpoint.variants.keys():
            raise invalid(f"Could not find variants {sorted(unknown)}.")
        endpoint.weights |= {name: one.get("DesiredWeight", 1.0) for name, one in wanted.items()}
        return {"EndpointArn": arn("endpoint", body["EndpointName"])}

    def delete_endpoint(self, body):
        self.endpoint(body["EndpointName"]).delete()
        return {}

    def settled(self):
        for one in list(self.endpoints.values()):
            one.settle()
        return self.endpoints

    def endpoint(self, name):
        return _found(self.settled(), name, "endpoint")


def _found(things, name, kind):
    if name not in things:
        raise invalid(f'Could not find {kind} "{arn(kind.replace(" ", "-"), name)}".')
    return things[name]
