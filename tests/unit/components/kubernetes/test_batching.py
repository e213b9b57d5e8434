"""Batching: files that the server takes, and settings that it would refuse."""

from typing import Any

import pytest

from components.kubernetes.batching import BatchingSpec, render_batching
from components.spec import SpecError
from tests.unit.components.kubernetes.text_protos import parse


def test_what_is_not_given_follows_the_threads_of_an_operation():
    text = render_batching(BatchingSpec(max_batch_size=64), threads=8)

    assert parse("BatchingParameters", text) == {
        "max_batch_size": "64",
        "batch_timeout_micros": "0",
        "max_enqueued_batches": "8",
        "num_batch_threads": "8",
    }


def test_the_queue_is_as_long_as_there_are_threads_for_batches():
    text = render_batching(BatchingSpec(max_batch_size=64, num_batch_threads=3), threads=8)

    batching = parse("BatchingParameters", text)
    assert (batching["num_batch_threads"], batching["max_enqueued_batches"]) == ("3", "3")


def test_every_field_reaches_the_file():
    spec = BatchingSpec(
        max_batch_size=128,
        batch_timeout_micros=2000,
        max_enqueued_batches=2,
        num_batch_threads=3,
        allowed_batch_sizes=(16, 32, 64),
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
        max_execution_batch_size=64,
    )

    assert parse("BatchingParameters", render_batching(spec, threads=8)) == {
        "max_batch_size": "128",
        "batch_timeout_micros": "2000",
        "max_enqueued_batches": "2",
        "num_batch_threads": "3",
        "allowed_batch_sizes": ["16", "32", "64"],
        "pad_variable_length_inputs": True,
        "enable_large_batch_splitting": True,
        "max_execution_batch_size": "64",
    }


@pytest.mark.parametrize(
    "sizes",
    [
        {"max_batch_size": 1, "max_enqueued_batches": 1, "num_batch_threads": 1},
        {"max_batch_size": 4, "allowed_batch_sizes": (1, 4)},
        {
            "max_batch_size": 4,
            "enable_large_batch_splitting": True,
            "max_execution_batch_size": 4,
            "allowed_batch_sizes": (4,),
        },
        {"max_batch_size": 4, "enable_large_batch_splitting": True, "allowed_batch_sizes": (4,)},
    ],
)
def test_what_the_server_takes_is_taken(sizes):
    BatchingSpec(**sizes)


SPLIT = {"enable_large_batch_splitting": True, "max_execution_batch_size": 8}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"max_batch_size": 0}, "max_batch_size: must be at least 1, got 0"),
        ({"num_batch_threads": 0}, "num_batch_threads: must be at least 1, got 0"),
        ({"max_enqueued_batches": 0}, "max_enqueued_batches: must be at least 1, got 0"),
        ({**SPLIT, "max_execution_batch_size": 0}, "max_execution_batch_size: must be at least 1"),
        ({"batch_timeout_micros": -1}, "batch_timeout_micros: must be at least 0, got -1"),
        (
            {"max_execution_batch_size": 8},
            "max_execution_batch_size: must come with enable_large_batch_splitting: true, got 8",
        ),
        (
            {**SPLIT, "max_execution_batch_size": 17},
            "max_execution_batch_size: must be at most max_batch_size, 16, got 17",
        ),
        (
            {"allowed_batch_sizes": (8, 8, 16)},
            r"allowed_batch_sizes: must be positive and rise, got \(8, 8, 16\)",
        ),
        ({"allowed_batch_sizes": (0, 16)}, "allowed_batch_sizes: must be positive and rise"),
        (
            {"allowed_batch_sizes": (4, 8)},
            r"allowed_batch_sizes: must end with max_batch_size, 16, got \(4, 8\)",
        ),
        (
            {**SPLIT, "allowed_batch_sizes": (8, 16)},
            "allowed_batch_sizes: must end with max_execution_batch_size, 8",
        ),
    ],
)
def test_a_file_that_the_server_would_refuse_is_refused(sizes: dict[str, Any], message: str):
    with pytest.raises(SpecError, match=message):
        BatchingSpec(**{"max_batch_size": 16, **sizes})
