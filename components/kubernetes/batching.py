"""How the server puts requests together before it computes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from components.spec import Fault, Spec, rule


@dataclass(frozen=True, kw_only=True)
class BatchingSpec(Spec):
    """Requests computed together, in the words of the server's own file.

    Unless they are given, as many threads compute batches as the server has for one operation, and
    as many batches wait as there are threads: one that finds no room in the queue is told so (429).
    Which values the server refuses: batching/batching_session.cc and bundle_factory_util.cc of
    https://github.com/tensorflow/serving/tree/2.20.0/tensorflow_serving
    """

    max_batch_size: int
    batch_timeout_micros: int = 0
    max_enqueued_batches: int | None = None
    num_batch_threads: int | None = None
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    @rule
    def _numbers_are_positive(self) -> Iterator[Fault]:
        for name in (
            "max_batch_size",
            "max_enqueued_batches",
            "num_batch_threads",
            "max_execution_batch_size",
        ):
            value: int | None = getattr(self, name)
            if value is not None and value < 1:
                yield Fault((name,), "must be at least 1", value)
        if self.batch_timeout_micros < 0:
            yield Fault(("batch_timeout_micros",), "must be at least 0", self.batch_timeout_micros)

    @rule
    def _a_batch_is_split_only_if_that_is_on(self) -> Iterator[Fault]:
        size = self.max_execution_batch_size
        if size is None:
            return
        if not self.enable_large_batch_splitting:
            limit = "must come with enable_large_batch_splitting: true"
            yield Fault(("max_execution_batch_size",), limit, size)
        elif size > self.max_batch_size:
            limit = f"must be at most max_batch_size, {self.max_batch_size}"
            yield Fault(("max_execution_batch_size",), limit, size)

    @rule
    def _allowed_sizes_rise_to_the_largest(self) -> Iterator[Fault]:
        sizes = self.allowed_batch_sizes
        if not sizes:
            return
        if sizes[0] < 1 or any(after <= before for before, after in pairwise(sizes)):
            yield Fault(("allowed_batch_sizes",), "must be positive and rise", sizes)
        split = self.enable_large_batch_splitting and self.max_execution_batch_size is not None
        largest = "max_execution_batch_size" if split else "max_batch_size"
        if sizes[-1] != getattr(self, largest):
            limit = f"must end with {largest}, {getattr(self, largest)}"
            yield Fault(("allowed_batch_sizes",), limit, sizes)


def render_batching(spec: BatchingSpec, threads: int) -> str:
    """Return the file as a text proto of BatchingParameters; threads are those of one operation."""
    batch_threads = spec.num_batch_threads or threads
    wrapped = {
        "max_batch_size": spec.max_batch_size,
        "batch_timeout_micros": spec.batch_timeout_micros,
        "max_enqueued_batches": spec.max_enqueued_batches or batch_threads,
        "num_batch_threads": batch_threads,
        "enable_large_batch_splitting": spec.enable_large_batch_splitting or None,
        "max_execution_batch_size": spec.max_execution_batch_size,
    }
    lines = [
        f"{name} {{ value: {_text(value)} }}"
        for name, value in wrapped.items()
        if value is not None
    ]
    lines += [f"allowed_batch_sizes: {size}" for size in spec.allowed_batch_sizes]
    lines.append(f"pad_variable_length_inputs: {_text(spec.pad_variable_length_inputs)}")
    return "\n".join(lines) + "\n"


def _text(value: bool | int) -> str:
    return str(value).lower()
