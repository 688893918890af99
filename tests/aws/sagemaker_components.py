"""Inference components of the stand-in: bases with compute of their own, and adapters on them."""

from tests.aws.sagemaker_endpoints import watched
from tests.aws.sagemaker_states import Living, arn, invalid

CREATING, UPDATING, DELETING = 180, 120, 30


class Component(Living):
    def __init__(self, owner, body, failed):
        super().__init__(owner.clock)
        self.owner, self.body, self.failed = owner, body, failed
        self.specification, self.last = body["Specification"], None
        self.copies = body.get("RuntimeConfig", {}).get("CopyCount", 1)
        self.state, self.reason = "Creating", None
        self.begin(self._created())

    @property
    def name(self):
        return self.body["InferenceComponentName"]

    @property
    def base(self):
        return self.specification.get("BaseInferenceComponentName")

    def _enter(self, state, reason=None):
        self.state, self.reason, self.modified = state, reason, self.clock.stamp

    def _created(self):
        yield from self.waiting(CREATING)
        self._enter("Failed", self.failed) if self.failed else self._enter("InService")

    def update(self, body, failed):
        if self.state not in ("InService", "Failed"):
            raise invalid(f"Cannot update in-progress inference component: {self.state}")
        if self.base and "RuntimeConfig" in body:
            raise invalid("An adapter inference component has no RuntimeConfig.")
        if "Specification" in body:
            self.owner.check(body["Specification"], self.body["EndpointName"])
        self._enter("Updating")
        self.last = body.get("DeploymentConfig")
        self.begin(self._updated(body, failed))

    def _updated(self, body, failed):
        yield from self.waiting(UPDATING)
        alarm = None if failed else (yield from watched(self, self.owner.endpoints, self.last or {}))
        if failed or alarm:
            told = failed or f"The following alarms went off: {alarm}. The update was rolled back."
            yield from self.waiting(UPDATING)
            return self._enter("InService", told)
        self.specification = body.get("Specification", self.specification)
        self.copies = body.get("RuntimeConfig", {}).get("CopyCount", self.copies)
        return self._enter("InService")

    def delete(self):
        if self.state in ("Creating", "Updating"):
            raise invalid(f"Cannot delete in-progress inference component: {self.state}")
        if stand := [one.name for one in self.owner.settled().values() if one.base == self.name]:
            raise invalid(f"Cannot delete base component {self.name}: adapters stand on it: {stand}")
        self._enter("Deleting")
        self.begin(self._deleted())

    def _deleted(self):
        yield from self.waiting(DELETING)
        self.owner.all.pop(self.name)

    def described(self):
        told = {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": arn("inference-component", self.name),
            "EndpointName": self.body["EndpointName"],
            "EndpointArn": arn("endpoint", self.body["EndpointName"]),
            "InferenceComponentStatus": self.state,
            "Specification": _summary(self.specification),
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        if not self.base:
            told["RuntimeConfig"] = {"DesiredCopyCount": self.copies, "CurrentCopyCount": self.copies}
            told["VariantName"] = self.body["VariantName"]
        told |= {"LastDeploymentConfig": self.last} if self.last else {}
        return told | ({"FailureReason": self.reason} if self.reason else {})


def _summary(specification):
    container = specification.get("Container")
    if container is None:
        return specification
    kept = {key: container[key] for key in ("ArtifactUrl", "Environment") if key in container}
    return {**specification, "Container": kept}


class Components:
    """`fails`: by a component's name, what its container says instead of coming up. `artefacts`: whether
    an S3 address is there."""

    def __init__(self, clock, endpoints, artefacts):
        self.clock, self.endpoints, self.artefacts = clock, endpoints, artefacts
        self.all, self.fails = {}, {}
        endpoints.components = self

    def create_inference_component(self, body):
        name, endpoint = body["InferenceComponentName"], self.endpoints.endpoint(body["EndpointName"])
        if name in self.settled():
            raise invalid(f"Cannot create already existing inference component {name}.")
        if endpoint.state != "InService":
            raise invalid(f"Cannot create an inference component: the endpoint is {endpoint.state}.")
        if "Specification" not in body:
            raise invalid("Specification is required.")
        self._check_place(body, endpoint)
        self.check(body["Specification"], endpoint.name)
        self.all[name] = Component(self, body, self.fails.get(name))
        return {"InferenceComponentArn": arn("inference-component", name)}

    def _check_place(self, body, endpoint):
        if "BaseInferenceComponentName" in body["Specification"]:
            if given := {"VariantName", "RuntimeConfig"} & body.keys():
                raise invalid(f"An adapter inference component has no {', '.join(sorted(given))}.")
        elif body.get("VariantName") not in endpoint.variants:
            raise invalid(f"Could not find variant {body.get('VariantName')}.")
        elif "RuntimeConfig" not in body:
            raise invalid("RuntimeConfig is required.")

    def check(self, specification, endpoint):
        """Raises Fault where a specification is neither a base's nor an adapter's."""
        base = specification.get("BaseInferenceComponentName")
        if base is not None:
            return self._check_adapter(specification, base, endpoint)
        if ("ModelName" in specification) == ("Image" in specification.get("Container", {})):
            raise invalid("Exactly one of ModelName and Container.Image is required.")
        if "ModelName" in specification and specification["ModelName"] not in self.endpoints.models:
            raise invalid(f"Could not find model {specification['ModelName']}.")
        if "ComputeResourceRequirements" not in specification:
            raise invalid("ComputeResourceRequirements is required.")
        return None

    def _check_adapter(self, specification, base, endpoint):
        one = self.settled().get(base)
        if one is None or one.body["EndpointName"] != endpoint or one.base:
            raise invalid(f"Could not find base inference component {base}.")
        if one.state != "InService":
            raise invalid(f"Base inference component {base} is {one.state}.")
        if given := specification.keys() - {"BaseInferenceComponentName", "Container"}:
            raise invalid(f"An adapter inference component has no {', '.join(sorted(given))}.")
        artefact = specification.get("Container", {}).get("ArtifactUrl", "")
        if not artefact.endswith(".tar.gz") or not self.artefacts(artefact):
            raise invalid(f"Could not access the artefact {artefact!r}.")

    def describe_inference_component(self, body):
        return self._component(body).described()

    def update_inference_component(self, body):
        one = self._component(body)
        one.update(body, self.fails.get(body.get("Specification", {}).get("ModelName")))
        return {"InferenceComponentArn": arn("inference-component", one.name)}

    def update_inference_component_runtime_config(self, body):
        one = self._component(body)
        one.update({"RuntimeConfig": body["DesiredRuntimeConfig"]}, None)
        return {"InferenceComponentArn": arn("inference-component", one.name)}

    def delete_inference_component(self, body):
        self._component(body).delete()
        return {}

    def list_inference_components(self, body):
        wanted = sorted(self.of(body.get("EndpointNameEquals")), key=lambda one: one.name)
        start, most = int(body.get("NextToken", 0)), body.get("MaxResults", 10)
        kept = ("InferenceComponentName", "InferenceComponentArn", "EndpointName", "EndpointArn")
        kept += ("InferenceComponentStatus", "CreationTime", "LastModifiedTime", "VariantName")
        told = [one.described() for one in wanted[start : start + most]]
        shown = [{"VariantName": "all"} | {key: one[key] for key in kept if key in one} for one in told]
        more = {"NextToken": str(start + most)} if len(wanted) > start + most else {}
        return {"InferenceComponents": shown} | more

    def of(self, endpoint):
        return [one for one in self.settled().values() if endpoint in (None, one.body["EndpointName"])]

    def settled(self):
        for one in list(self.all.values()):
            one.settle()
        return self.all

    def _component(self, body):
        name = body["InferenceComponentName"]
        if name not in self.settled():
            raise invalid(f"Could not find inference component {name}.")
        return self.all[name]
