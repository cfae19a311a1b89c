"""The pump: at least once, again after a delay, a dead letter when retries are used up; all of it across restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from durable import Retries
from durable.bindings import Queue
from durable.clock import SystemClock, VirtualClock
from durable.local.bindings.pump import Pump
from durable.local.bindings.queue import Messages, SQLiteQueue
from durable.local.storage.journal import Journal

Answer = Mapping[str, Any] | None


def consume(message: str) -> None:
    """Stand for a consumer."""


class Consumer:
    """Remembers what it was given; `fails` says which bodies fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.fails: Callable[[str], bool] = lambda body: False

    def __call__(self, queue: str, event: dict[str, Any]) -> Answer:
        records = event["Records"]
        self.events.append(event)
        self.batches.append([record["body"] for record in records])
        failed = [{"itemIdentifier": each["messageId"]} for each in records if self.fails(each["body"])]
        return {"batchItemFailures": failed}


class Post:
    """A queue, its pump and its consumer on virtual time."""

    def __init__(self, folder: Path, clock: VirtualClock, **options: Any) -> None:
        self.clock = clock
        self.journal = Journal(folder, linger=0)
        self.messages = Messages(self.journal, clock)
        self.declared: Queue[Any] = Queue("letters", consumer=consume, **options)
        self.consumer = Consumer()
        self.client = SQLiteQueue[Any]("letters", str, self.messages)
        self.pump = Pump(self.messages, [self.declared], lambda queue, event: self.consumer(queue, event))

    def run(self) -> int:
        return self.pump.run(self.clock.now())

    def run_all(self) -> list[int]:
        """Deliver until nothing is due any more, however late, and return after how many seconds each time was."""
        start, times = self.clock.now(), []
        while (due := self.pump.next_due()) is not None:
            self.clock.advance_to(due)
            times.append((self.clock.now() - start) // 1000)
            self.run()
        return times


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def post(tmp_path: Path, clock: VirtualClock) -> Iterator[Post]:
    post = Post(tmp_path, clock, retries=Retries(limit=2, delay="10 seconds", jitter=False))
    yield post
    post.journal.close()


def test_messages_come_in_batches_and_go_when_they_are_delivered(post: Post) -> None:
    post.client.send_batch([str(number) for number in range(23)])
    assert [post.run(), post.run(), post.run(), post.run()] == [10, 10, 3, 0]
    assert {body for batch in post.consumer.batches for body in batch} == {f'"{number}"' for number in range(23)}
    assert post.pump.next_due() is None
    post.journal.flush()
    assert post.journal.read("SELECT * FROM message") == []


def test_the_event_is_that_of_sqs(post: Post) -> None:
    post.client.send("é")
    post.run()
    (record,) = post.consumer.events[0]["Records"]
    assert record["body"] == '"é"'
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"] == str(post.clock.now())
    assert record["eventSourceARN"].endswith(":letters")
    assert record["eventSource"] == "aws:sqs"
    assert record["messageId"] == record["receiptHandle"]


def test_a_message_is_durable_before_it_is_delivered(post: Post) -> None:
    def consumer(queue: str, event: dict[str, Any]) -> Answer:
        seen.extend(post.journal.read("SELECT body, attempts FROM message"))
        return None

    seen: list[object] = []
    post.consumer = consumer  # type: ignore[assignment]  # called alike
    post.client.send("a")
    post.run()
    assert seen == [('"a"', 1)]


def test_a_delayed_message_waits(post: Post) -> None:
    post.client.send("later", delay="1 minute")
    assert post.run() == 0
    assert post.pump.next_due() == post.clock.now() + 60_000
    post.clock.advance_to(post.clock.now() + 59_999)
    assert post.run() == 0
    post.clock.advance_to(post.clock.now() + 1)
    assert post.run() == 1


def test_one_that_fails_comes_again_by_itself_with_backoff_and_then_is_a_dead_letter(post: Post) -> None:
    post.consumer.fails = lambda body: body == '"bad"'
    post.client.send_batch(["good", "bad", "fine"])
    assert post.run_all() == [0, 10, 30]
    assert post.consumer.batches[1:] == [['"bad"'], ['"bad"']]
    counts = [each["Records"][-1]["attributes"]["ApproximateReceiveCount"] for each in post.consumer.events]
    assert counts == ["1", "2", "3"]
    (dead,) = post.messages.dead("letters")
    assert (dead.body, dead.attempts) == ('"bad"', 3)


def test_one_that_comes_again_can_succeed(post: Post) -> None:
    post.consumer.fails = lambda body: len(post.consumer.events) == 1
    post.client.send("a")
    assert post.run_all() == [0, 10]
    assert post.messages.dead("letters") == ()


def test_constant_delays_and_jitter(tmp_path: Path, clock: VirtualClock) -> None:
    retries = Retries(limit=2, delay="10 seconds", backoff="constant", jitter=True)
    post = Post(tmp_path, clock, retries=retries)
    post.pump = Pump(post.messages, [post.declared], post.consumer, draw=lambda: 0.5)
    post.consumer.fails = lambda body: True
    post.client.send("a")
    assert post.run_all() == [0, 5, 10]
    post.journal.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [[]]},
        RuntimeError("secret"),
    ],
    ids=str,
)
def test_an_answer_that_lambda_would_not_trust_fails_the_batch(
    post: Post, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def consumer(queue: str, event: dict[str, Any]) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # whatever it is

    post.consumer = consumer  # type: ignore[assignment]  # called alike
    post.client.send_batch(["a", "b"])
    assert post.run_all() == [0, 10, 30]
    assert len(post.messages.dead("letters")) == 2
    assert "secret" not in caplog.text


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}], ids=str)
def test_an_answer_without_failures_is_success(post: Post, answer: Any) -> None:
    post.consumer = lambda queue, event: answer  # type: ignore[assignment]  # called alike
    post.client.send("a")
    assert post.run_all() == [0]
    assert post.messages.dead("letters") == ()


def test_dead_letters_are_listed_in_pages_and_can_be_redriven(post: Post) -> None:
    post.consumer.fails = lambda body: True
    for name in "abc":
        post.client.send(name)
        post.clock.advance_to(post.clock.now() + 1)
    post.run_all()
    dead = post.messages.dead("letters")
    assert [message.body for message in dead] == ['"a"', '"b"', '"c"']
    assert post.messages.dead("letters", after=dead[0].id, limit=1) == (dead[1],)
    assert post.messages.dead("other") == ()
    post.consumer.fails = lambda body: False
    ids = [dead[0].id, dead[0].id, "unknown"]
    assert post.messages.redrive("letters", ids) == 1
    assert post.run_all() == [0]
    assert post.consumer.batches[-1] == ['"a"']
    assert post.consumer.events[-1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert len(post.messages.dead("letters")) == 2


def test_what_was_not_delivered_is_delivered_after_a_restart(tmp_path: Path, clock: VirtualClock) -> None:
    post = Post(tmp_path, clock, retries=Retries(limit=1, delay="10 seconds", jitter=False))
    post.consumer.fails = lambda body: "dead" in body
    post.client.send("dead")
    post.run_all()
    post.client.send_batch(["taken", "later"])
    post.client.send("delayed", delay="1 minute")
    post.messages.take("letters", clock.now(), 1)
    post.journal.close()
    post = Post(tmp_path, clock)
    assert post.run_all() == [0, 60]
    assert [sorted(batch) for batch in post.consumer.batches] == [['"later"', '"taken"'], ['"delayed"']]
    counts = {
        each["body"]: each["attributes"]["ApproximateReceiveCount"] for each in post.consumer.events[0]["Records"]
    }
    assert counts == {'"taken"': "2", '"later"': "1"}
    assert len(post.messages.dead("letters")) == 1
    post.journal.close()


def test_a_queue_without_a_consumer_keeps_its_messages(post: Post) -> None:
    SQLiteQueue[Any]("other", str, post.messages).send("a")
    assert post.run() == 0
    assert post.pump.next_due() is None
    assert post.messages.next_due() == post.clock.now()


def test_threads_deliver_what_becomes_due_and_stop(tmp_path: Path) -> None:
    journal, done = Journal(tmp_path), threading.Event()
    messages = Messages(journal, SystemClock())
    bodies: list[str] = []

    def consumer(queue: str, event: dict[str, Any]) -> Answer:
        bodies.extend(record["body"] for record in event["Records"])
        if len(bodies) == 3:
            done.set()
        return None

    pump = Pump(messages, [Queue("letters", consumer=consume)], consumer)
    client = SQLiteQueue[Any]("letters", str, messages)
    client.send("before")
    pump.start()
    client.send("now")
    client.send("soon", delay="0.05 seconds")
    assert done.wait(10)
    pump.stop(10)
    assert sorted(bodies) == ['"before"', '"now"', '"soon"']
    client.send("after")
    assert len(bodies) == 3
    journal.close()
