"""Values that are too large for a row and an execution: they stand beside the record, and a reference travels.

A value is named after its step and its content. So an attempt that follows a crash writes the same value to the same
place, one that writes another value harms none, and all of a run's are deleted together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic_core import from_json, to_json

from durable.store.keys import StepKey
from durable.store.table import TableBusy
from durable.store.values import hash_of

REFERENCE: Final = "$value"
"""The key that a reference has, and no value that travels by itself."""
INLINE_BYTES: Final = 32_768
"""Up to which a value travels by itself: an execution holds 256 KB at once."""
LISTED_BYTES: Final = 1_024
"""The same of an element of a map's list: a reference takes a tenth of this."""
_MOST_READERS: Final = 8
_NO_INCARNATION: Final = "-"
GONE: Final = "the large value that it refers to was deleted"


@dataclass(frozen=True, slots=True)
class RunPlace:
    """The run that values belong to."""

    workflow: str
    instance: str
    incarnation: str

    def __str__(self) -> str:
        """Return what the names of its values begin with."""
        return f"{self.workflow}/{self.instance}/{self.incarnation or _NO_INCARNATION}"

    @classmethod
    def of(cls, name: str) -> RunPlace:
        """Return the run that a value of this name belongs to."""
        workflow, instance, incarnation = name.split("/")[:3]
        return cls(workflow, instance, "" if incarnation == _NO_INCARNATION else incarnation)


class ValuesBusy(TableBusy):
    """Large values can be neither read nor written now: try again after a while."""


class LargeValues(Protocol):
    """Where large values are: S3 on AWS, a folder on one machine."""

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        """Keep a value; it is durable when this returns.

        Raises:
            ValuesBusy: the same call may succeed later.
        """

    def read(self, run: RunPlace, name: str) -> bytes | None:
        """Return a value; None where it is not, or no more.

        Raises:
            ValuesBusy: the same call may succeed later.
        """

    def copy(self, run: RunPlace, name: str, to: RunPlace, new: str) -> bool:
        """Copy a value to another run; return whether it is there.

        Raises:
            ValuesBusy: the same call may succeed later.
        """
        # S3 copies by itself, without the value on its way through this process; others read and write.
        data = self.read(run, name)
        if data is not None:
            self.write(to, new, data)
        return data is not None

    def link(self, run: RunPlace, name: str) -> str:
        """Return a URL under which whoever has it reads a value, for some time."""

    def delete(self, run: RunPlace) -> None:
        """Delete all values of a run.

        Raises:
            ValuesBusy: some may be left; the same call goes on with it.
        """

    def runs(self) -> Iterator[RunPlace]:
        """Yield the runs that have values, once each."""


def is_reference(value: Any) -> bool:
    """Return whether a value has the form of a reference."""
    return isinstance(value, dict) and REFERENCE in value


def goes_by_reference(value: Any, *, sensitive: bool, inline_bytes: int) -> bool:
    """Return whether a JSON value that may travel by reference does: a large one, one that would be taken for a
    reference, and all data of a sensitive step, which is to stand in no history of an execution.
    """
    return value is not None and (sensitive or is_reference(value) or len(to_json(value)) > inline_bytes)


def lend(values: LargeValues, key: StepKey, value: Any) -> dict[str, Any]:
    """Keep a JSON value that a step returned, and return the reference to it."""
    data = to_json(value)
    name = _name(key, hash_of(data.decode()))
    values.write(_run_of(key), name, data)
    return {REFERENCE: name, "bytes": len(data)}


def handed_over(values: LargeValues, run: RunPlace, value: Mapping[str, Any], key: StepKey) -> dict[str, Any]:
    """Copy the value of a run's reference to the step of another run, and return the reference to the copy.

    Raises:
        LookupError: the value is there no more.
        ValuesBusy: it cannot be copied now.
    """
    name = str(value[REFERENCE])
    new = _name(key, name.rpartition("-")[2])
    if not values.copy(run, name, _run_of(key), new):
        raise LookupError(GONE)
    return {**value, REFERENCE: new}


def _name(key: StepKey, content: str) -> str:
    # The hash of the content makes the write idempotent: an attempt that died after it leaves nothing that another one
    # could take for its own result, and no version of a value is ever replaced under a reader.
    return f"{hash_of(f'{key.era}#{key.path}')[:16]}-{content}"


def borrowed(values: LargeValues, key: StepKey, value: Any) -> Any:
    """Return what a reference within a run stands for; a value that is none stands for itself.

    Raises:
        LookupError: the value is there no more.
        ValuesBusy: it cannot be read now.
    """
    if not is_reference(value):
        return value
    return read_value(values, _run_of(key), value)


def read_value(values: LargeValues, run: RunPlace, reference: Mapping[str, Any]) -> Any:
    """Return what a reference of a run stands for.

    Raises:
        LookupError: the value is there no more.
        ValuesBusy: it cannot be read now.
    """
    data = values.read(run, str(reference[REFERENCE]))
    if data is None:
        raise LookupError(GONE)
    return from_json(data)


def borrowed_list(values: LargeValues, key: StepKey, value: Any) -> Any:
    """Return a list of which each element that is a reference is what that stands for; several are read at once.

    Raises:
        LookupError, ValuesBusy: as of one value.
    """
    if not isinstance(value, list):
        return value
    if sum(map(is_reference, value)) < 2:
        return [borrowed(values, key, each) for each in value]
    from concurrent.futures import ThreadPoolExecutor  # here, for few Lambdas need it

    with ThreadPoolExecutor(_MOST_READERS) as readers:
        return list(readers.map(lambda each: borrowed(values, key, each), value))


def _run_of(key: StepKey) -> RunPlace:
    return RunPlace(key.workflow, key.instance, key.incarnation)
