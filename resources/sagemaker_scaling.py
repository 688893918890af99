"""How many copies of a base there are: by load, down to none where that is allowed; and what watches them."""

import contextlib
from typing import Any, Final

from resources.sagemaker import SageMaker

COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
CONCURRENCY: Final = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
# How many answers a copy gives at once before another is asked for.
ANSWERS_A_COPY: Final = 8.0
COOL_SECONDS: Final = 300
MOST_ERRORS: Final = 5.0
NAMESPACE: Final = "AWS/SageMaker"


class Scaling:
    """Registers components with Application Auto Scaling; everything may be said again and again."""

    def __init__(self, sagemaker: SageMaker, least: int, most: int) -> None:
        self._sagemaker, self._least, self._most = sagemaker, least, most

    def ensure(self, component: str) -> None:
        """Let the load decide on a component's copies, and the first request on the first copy."""
        scaling, place = self._sagemaker.client("application-autoscaling"), _place(component)
        scaling.register_scalable_target(**place, MinCapacity=self._least, MaxCapacity=self._most)
        scaling.put_scaling_policy(
            **place,
            PolicyName="by-load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "PredefinedMetricSpecification": {"PredefinedMetricType": CONCURRENCY},
                "TargetValue": ANSWERS_A_COPY,
                "ScaleInCooldown": COOL_SECONDS,
            },
        )
        if self._least == 0:
            self._wake(scaling, component)

    def error_alarm(self, name: str, dimensions: dict[str, str]) -> str:
        """The name of the alarm on a thing's errors."""
        self._alarm(f"{name}-errors", "Invocation5XXErrors", dimensions, MOST_ERRORS, [])
        return f"{name}-errors"

    def remove(self, component: str) -> None:
        """Forget a component's scaling and alarms; nothing happens where there are none."""
        scaling = self._sagemaker.client("application-autoscaling")
        with contextlib.suppress(scaling.exceptions.ObjectNotFoundException):
            scaling.deregister_scalable_target(**_place(component))
        alarms = [f"{component}-errors", f"{component}-asleep"]
        self._sagemaker.client("cloudwatch").delete_alarms(AlarmNames=alarms)

    def _wake(self, scaling: Any, component: str) -> None:
        """A request that met no copy brings one: load alone cannot, because nothing is measured at none."""
        policy = scaling.put_scaling_policy(
            **_place(component),
            PolicyName="wake",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Maximum",
                "Cooldown": 60,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
            },
        )
        dimensions = {"InferenceComponentName": component}
        actions = [policy["PolicyARN"]]
        self._alarm(f"{component}-asleep", "NoCapacityInvocationFailures", dimensions, 1.0, actions)

    def _alarm(
        self, name: str, metric: str, dimensions: dict[str, str], threshold: float, actions: list[str]
    ) -> None:
        self._sagemaker.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": one} for key, one in dimensions.items()],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
            AlarmActions=actions,
        )


def _place(component: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{component}",
        "ScalableDimension": COPIES,
    }
