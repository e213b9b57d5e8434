"""Autoscaling: rates as a HorizontalPodAutoscaler has them, and those that it would refuse."""

import pytest

from components.kubernetes.autoscaling import ScalingRate, ScalingSpec, utilization_metrics
from components.spec import SpecError


def test_up_is_at_once_and_down_is_slow_by_default():
    assert ScalingSpec().behavior == {
        "scale_up": {
            "stabilization_window_seconds": 0,
            "select_policy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "period_seconds": 15},
                {"type": "Pods", "value": 4, "period_seconds": 15},
            ],
        },
        "scale_down": {
            "stabilization_window_seconds": 300,
            "select_policy": "Max",
            "policies": [{"type": "Percent", "value": 50, "period_seconds": 60}],
        },
    }


def test_a_rate_may_be_a_number_of_pods_alone():
    rate = ScalingRate(pods=1, period_seconds=1800, stabilization_seconds=3600)

    assert rate.rules == {
        "stabilization_window_seconds": 3600,
        "select_policy": "Max",
        "policies": [{"type": "Pods", "value": 1, "period_seconds": 1800}],
    }


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ({}, "percent: must be given, or pods, got None"),
        ({"percent": 0}, "percent: must be at least 1, got 0"),
        ({"pods": 0}, "pods: must be at least 1, got 0"),
        ({"pods": 1, "period_seconds": 0}, "period_seconds: must be between 1 and 1800, got 0"),
        ({"pods": 1, "period_seconds": 1801}, "period_seconds: must be between 1 and 1800"),
        (
            {"pods": 1, "stabilization_seconds": -1},
            "stabilization_seconds: must be between 0 and 3600, got -1",
        ),
        ({"pods": 1, "stabilization_seconds": 3601}, "stabilization_seconds: must be between"),
    ],
)
def test_a_rate_that_kubernetes_would_refuse_is_refused(rate, message):
    with pytest.raises(SpecError, match=message):
        ScalingRate(**rate)


def test_the_least_rate_is_taken():
    ScalingRate(percent=1, period_seconds=1)


def test_only_resources_with_a_target_are_looked_at():
    metrics = utilization_metrics({"cpu": 60, "memory": None})

    assert metrics == [
        {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "average_utilization": 60},
            },
        }
    ]
