from __future__ import annotations

import asyncio
import json

import pytest

from durable import NonRetryableError
from durable.store.keys import FLAG, StepKey
from durable.store.table import Key, Write
from tests.unit.record import steps
from tests.unit.record.conftest import Bench

SECRET = "jane.doe@example.com"


def raised_by(bench: Bench, *args: object, **kwargs: object) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # its class is made when it is raised
        bench.handler(*args, **kwargs)(bench.event(), "owner")  # type: ignore[arg-type]  # as `handler` takes
    return caught.value


def test_runs_the_function_and_records_its_result(bench: Bench) -> None:
    answer = bench.handler()(bench.event(), "a")
    assert answer == {"result": "charged 5", "at": bench.clock.now()}
    assert steps.calls == [(5, "shop/one/1/charge", 1)]


def test_a_dict_keeps_its_order_into_the_step_and_any_order_is_the_same_input(bench: Bench) -> None:
    handler, event = bench.handler(steps.keys_of), bench.event()
    event["input"] = {"counts": {"b": 1, "a": 2}}
    assert handler(event, "a")["result"] == ["b", "a"]
    event["input"] = {"counts": {"a": 2, "b": 1}}
    assert handler(event, "b")["result"] == ["b", "a"]


def test_a_second_invocation_gets_the_recorded_result_and_runs_nothing(bench: Bench) -> None:
    first = bench.handler()(bench.event(), "a")
    bench.clock.advance_to(bench.clock.now() + 60_000)
    assert bench.handler()(bench.event(), "b") == first
    assert len(steps.calls) == 1


def test_rounds_have_keys_of_their_own(bench: Bench) -> None:
    handler = bench.handler()
    handler(bench.event(key="all[0]/charge"), "a")
    handler(bench.event(key="all[1]/charge"), "b")
    assert [key for _, key, _ in steps.calls] == ["shop/one/1/all[0]/charge", "shop/one/1/all[1]/charge"]


def test_the_row_holds_what_the_run_calls_the_step(bench: Bench) -> None:
    bench.handler()(bench.event() | {"title": "charge " + "x" * 500}, "a")
    row = bench.table.get(StepKey.of(bench.event()).row)
    assert row is not None
    assert row["title"] == "charge " + "x" * 193


def test_attempts_share_the_key_and_are_counted_in_the_record(bench: Bench) -> None:
    steps.raises[:] = [steps.Offline(SECRET), steps.Offline(SECRET)]
    handler = bench.handler()
    for owner in "ab":
        with pytest.raises(Exception, match=r"^charge: \n \(at=") as caught:
            handler(bench.event(), owner)
        assert type(caught.value).__name__ == "Offline"
    assert handler(bench.event(), "c")["result"] == "charged 5"
    assert steps.calls == [(5, "shop/one/1/charge", n) for n in (1, 2, 3)]


def test_a_final_error_is_an_outcome_that_a_later_invocation_gets_too(bench: Bench) -> None:
    steps.raises[:] = [steps.Declined(SECRET)]
    names = [type(raised_by(bench)).__name__ for _ in range(2)]
    assert names == ["Declined", "Declined"]
    assert len(steps.calls) == 1


def test_an_error_that_is_tried_once_is_an_outcome_at_the_first_attempt(bench: Bench) -> None:
    steps.raises[:] = [steps.Offline("no line")]
    event = bench.event() | {"once": ["Offline"], "says": ["Offline"]}
    for owner in "ab":
        with pytest.raises(Exception, match="no line") as caught:
            bench.handler()(event, owner)
        assert type(caught.value).__name__ == "Final.Offline"
    assert len(steps.calls) == 1


def test_an_error_says_when_the_step_is_tried_again(bench: Bench) -> None:
    steps.raises[:] = [steps.Busy("1 hour", SECRET)]
    due = bench.clock.now() + 3_600_000
    with pytest.raises(Exception, match=rf"^charge: \n\(retry={due}\)$") as caught:
        bench.handler()(bench.event() | {"later": {}}, "a")
    assert type(caught.value).__name__ == "RetryLater"
    (row,) = bench.table.query("shop#one")
    assert (row["status"], row["wake"], row["error"]["name"]) == ("retrying", due, "Busy")


def test_where_the_machine_cannot_wait_so_long_an_error_is_tried_again_as_any_other(bench: Bench) -> None:
    steps.raises[:] = [steps.Busy("1 hour")]
    assert type(raised_by(bench)).__name__ == "Busy"


def test_a_linear_backoff_is_counted_by_the_attempts(bench: Bench) -> None:
    event = bench.event() | {"later": {"delay": 10, "jitter": False}}
    steps.raises[:] = [ValueError(), ValueError(), ValueError()]
    names, waits = [], []
    for _ in range(3):
        with pytest.raises(Exception, match="charge") as caught:
            bench.handler()(event, "a")
        names.append(type(caught.value).__name__)
        waits.append(bench.table.query("shop#one")[0].get("wake", 0) - bench.clock.now())
    assert names == ["RetryLater", "RetryLater", "Final.StepError"]
    assert waits[:2] == [10_000, 20_000]


def test_a_linear_backoff_with_jitter_stays_below_its_delay(bench: Bench) -> None:
    steps.raises[:] = [ValueError()]
    with pytest.raises(Exception, match="retry="):
        bench.handler()(bench.event() | {"later": {"delay": 10, "jitter": True}}, "a")
    assert 0 <= bench.table.query("shop#one")[0]["wake"] - bench.clock.now() <= 10_000


def test_attempts_that_are_used_up_are_an_outcome(bench: Bench) -> None:
    steps.raises[:] = [ValueError(SECRET) for _ in range(9)]
    for owner in "abcd":
        with pytest.raises(Exception, match="charge"):
            bench.handler()(bench.event(attempts=2), owner)
    assert len(steps.calls) == 2


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (steps.Declined(SECRET), "Declined"),
        (steps.Offline(SECRET), "Offline"),
        (ValueError(SECRET), "StepError"),
        (type("Unknown", (NonRetryableError,), {})(SECRET), "NonRetryableError"),
        (type("Declined", (Exception,), {})(SECRET), "StepError"),
    ],
)
def test_an_error_has_the_name_that_the_module_knows_it_by(bench: Bench, error: Exception, name: str) -> None:
    steps.raises[:] = [error]
    assert type(raised_by(bench)).__name__ == name


def test_what_an_exception_says_is_data_of_the_run_and_stands_in_no_log(bench: Bench) -> None:
    steps.raises[:] = [ValueError(SECRET)]
    error = raised_by(bench)
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert str(error) == f"charge: \n (at={bench.clock.now()})"  # Lambda's runtime logs it
    (row,) = bench.table.query("shop#one")
    assert (row["error"]["message"], row["error"]["detail"]) == ("The step failed.", SECRET)
    assert SECRET not in "".join(bench.log.lines)
    assert "ValueError" in "".join(bench.log.lines)


def test_what_an_error_says_that_run_reads_is_reported_when_no_attempt_is_left(bench: Bench) -> None:
    steps.raises[:] = [ValueError(SECRET), ValueError(SECRET)]
    event = bench.event(attempts=2) | {"says": ["StepError"]}
    said = []
    for owner in "ab":
        with pytest.raises(Exception, match="charge") as caught:
            bench.handler()(event, owner)
        said.append(str(caught.value))
    assert said == [f"charge: \n (at={bench.clock.now()})", f"charge: \n{SECRET} (at={bench.clock.now()})"]


def test_nothing_that_an_exception_of_a_sensitive_step_says_is_kept_or_told(bench: Bench) -> None:
    for error in (ValueError(SECRET), steps.NoFunds(SECRET)):
        steps.raises[:] = [error]
        event = bench.event(attempts=1) | {"sensitive": True, "says": ["StepError", "NoFunds"]}
        with pytest.raises(Exception, match=r"charge: \nThe (step failed|account is empty)\. \(at=") as caught:
            bench.handler()(event, "a")
        assert SECRET not in str(caught.value) + json.dumps(bench.table.query("shop#one")) + "".join(bench.log.lines)


def test_the_message_of_a_public_error_is_for_anyone(bench: Bench) -> None:
    steps.raises[:] = [steps.NoFunds("5 cents are missing")]
    assert type(raised_by(bench)).__name__ == "NoFunds"
    (row,) = bench.table.query("shop#one")
    assert (row["error"]["message"], "detail" in row["error"]) == ("5 cents are missing", False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(), "The step failed."),
        (steps.Offline(), "The bank cannot be reached."),
        (steps.Unprintable("x"), "Unprintable"),
        (ValueError("half \ud83d"), "half ?"),
        (ValueError("é" * 5_000), "é" * 2_046 + "…"),
    ],
)
def test_a_message_is_text_that_can_be_stored_and_read(bench: Bench, error: Exception, said: str) -> None:
    steps.raises[:] = [error]
    with pytest.raises(Exception, match="charge") as caught:
        bench.handler()(bench.event(attempts=1) | {"says": ["StepError", "Offline", "Unprintable"]}, "a")
    assert str(caught.value) == f"charge: \n{said} (at={bench.clock.now()})"


def test_little_is_kept_of_what_earlier_attempts_said(bench: Bench) -> None:
    steps.raises[:] = [ValueError("x" * 4_000) for _ in range(25)]
    for _ in range(25):
        with pytest.raises(Exception, match="charge"):
            bench.handler()(bench.event(attempts=99), "a")
    assert len(json.dumps(bench.table.query("shop#one"))) < 20_000


def test_input_that_does_not_fit_names_the_field_and_is_never_retried(bench: Bench) -> None:
    with pytest.raises(Exception, match=r"charge: \n.*amount \(int_parsing\)") as caught:
        bench.handler()(bench.event(SECRET) | {"says": ["InvalidInput"]}, "a")
    assert type(caught.value).__name__ == "InvalidInput"
    assert bench.table.query("shop#one")[0]["outcome"] == "error"


def test_a_result_that_does_not_fit_is_never_retried(bench: Bench) -> None:
    error = raised_by(bench, steps.charge_wrongly)
    assert type(error).__name__ == "InvalidResult"
    assert bench.table.query("shop#one")[0]["outcome"] == "error"


def test_a_timeout_is_retried(bench: Bench) -> None:
    assert type(raised_by(bench, steps.charge_slowly)).__name__ == "StepTimeoutError"
    assert bench.table.query("shop#one")[0]["status"] == "retrying"


def test_two_invocations_at_once_run_the_step_once(bench: Bench) -> None:
    """The second one comes while the first runs."""
    seen: list[str] = []

    class Meanwhile:
        def __enter__(self) -> None:
            if not seen:
                seen.append("entered")
                seen.append(type(raised_by(bench)).__name__)

        def __exit__(self, *_: object) -> None: ...

    bench.handler(deadline=lambda seconds: Meanwhile())(bench.event(), "a")
    assert seen == ["entered", "StepInProgress"]
    assert len(steps.calls) == 1


def test_a_lease_ends_with_its_invocation(bench: Bench) -> None:
    key = StepKey("shop", "one", 1, "charge")
    bench.record.begin(key, "charge", owner="dead", limit=9, input_hash="x")
    assert type(raised_by(bench)).__name__ == "StepInProgress"
    bench.clock.advance_to(bench.clock.now() + 30_001)
    assert bench.handler()(bench.event(), "b")["result"] == "charged 5"
    assert steps.calls[-1][2] == 2


def test_only_the_owner_of_the_lease_records_an_outcome(bench: Bench) -> None:
    key = StepKey("shop", "one", 1, "charge")
    bench.record.begin(key, "charge", owner="slow", limit=9, input_hash="x")
    bench.clock.advance_to(bench.clock.now() + 30_001)
    bench.record.begin(key, "charge", owner="next", limit=9, input_hash="x")
    assert bench.record.succeed(key, owner="slow", result="late", at=1) is not None
    assert bench.record.succeed(key, owner="next", result="right", at=2) is None
    assert bench.table.query("shop#one")[0]["result"] == "right"


def test_other_input_for_a_recorded_step_is_stale(bench: Bench) -> None:
    bench.handler()(bench.event(5), "a")
    with pytest.raises(Exception, match="no longer fits") as caught:
        bench.handler()(bench.event(6), "b")
    assert type(caught.value).__name__ == "StaleResult"


def test_a_run_that_is_being_stopped_begins_no_step_and_counts_no_attempt(bench: Bench) -> None:
    bench.table.write(Write(Key("shop#one", FLAG), {"want": "pause"}))
    assert type(raised_by(bench)).__name__ == "Stopped"
    assert not steps.calls
    assert bench.record.attempts(StepKey("shop", "one", 1, "charge")) == 0


class Stopping:
    """Has the run stopped while the step is at work."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def __enter__(self) -> None:
        self.bench.table.write(Write(Key("shop#one", FLAG), {"want": "pause"}))

    def __exit__(self, *_: object) -> None: ...


def test_a_step_that_ends_under_a_stop_is_recorded_and_goes_no_further(bench: Bench) -> None:
    error = raised_by(bench, deadline=lambda seconds: Stopping(bench))
    assert type(error).__name__ == "Stopped"
    step = next(row for row in bench.table.query("shop#one") if row["sort"] != FLAG)
    assert step["result"] == "charged 5"


def test_on_express_a_step_that_ends_under_a_stop_gives_its_result_and_the_next_one_does_not_begin(
    bench: Bench,
) -> None:
    event = bench.event() | {"until": bench.clock.now() + 60_000}
    assert bench.handler(deadline=lambda seconds: Stopping(bench))(event, "a")["result"] == "charged 5"
    following = bench.event(key="charge-again") | {"until": bench.clock.now() + 60_000}
    with pytest.raises(Exception, match="charge-again") as caught:
        bench.handler()(following, "b")
    assert type(caught.value).__name__ == "Stopped"
    assert len(steps.calls) == 1


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
def test_whatever_a_step_raises_is_a_failed_attempt_and_gives_the_lease_up(bench: Bench, error: BaseException) -> None:
    steps.raises[:] = [error]
    failed = raised_by(bench)
    assert type(failed).__name__ == "StepError"
    row = bench.table.get(StepKey.of(bench.event()).row) or {}
    assert (row["status"], row["error"]["exception"], "lease" in row) == ("retrying", type(error).__name__, False)
    assert bench.handler()(bench.event(), "b")["result"] == "charged 5"


def test_of_a_deep_traceback_the_first_frames_and_the_last_are_kept(bench: Bench) -> None:
    with pytest.raises(Exception, match="charge"):
        bench.handler(steps.plunge)(bench.event(), "a")
    (row,) = bench.table.query("shop#one")
    frames = row["error"]["frames"]
    assert len(frames) == 50
    assert " in plunge" in "".join(frames[:10])
    assert frames[-1].endswith(" in deeper")
