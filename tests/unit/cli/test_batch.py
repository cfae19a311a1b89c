"""Many starts at once: how they are sent, and what is said of each."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from durable.cli import batch
from durable.cli.outcome import UNAVAILABLE, CommandError
from durable.wire import MAX_PAYLOAD_BYTES
from tests.unit.cli.server import Serve, run

SECRET = "grace@example.com"
GONE = CommandError("nothing answers", UNAVAILABLE)
WRONG = {
    "detail": "Invalid: 1.params.email.",
    "errors": [{"field": "1.params.email", "message": "No e-mail"}],
}


def items(count: int, **params: Any) -> list[dict[str, Any]]:
    return [{"id": f"order-{number}", "params": {"email": SECRET} | params} for number in range(1, count + 1)]


def started(*ids: str, new: bool = True) -> list[dict[str, Any]]:
    return [{"id": id, "new": new, "error": None} for id in ids]


def refused(id: str | None, status: int, detail: str = "So it is.") -> dict[str, Any]:
    return {"id": id, "new": False, "error": {"status": status, "detail": detail}}


def ids(starts: Sequence[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in starts]


def test_items_are_sent_in_one_request_and_shown_with_their_ids(serve: Serve, tmp_path: Path) -> None:
    server = serve((200, started("order-1") + started("drawn") + started("order-3", new=False)))
    given = [*items(1), {"params": None}, {"id": "order-3", "params": [3]}]
    (tmp_path / "items.json").write_text(json.dumps(given))
    result = run("start-batch", "shop", "--params", f"@{tmp_path / 'items.json'}")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["item", "id", "outcome"],
        ["1", "order-1", "✓", "started"],
        ["2", "drawn", "✓", "started"],
        ["3", "order-3", "✓", "started", "before"],
    ]
    assert (result.exit_code, result.stderr) == (0, "")
    assert server.asked == [("POST", "/api/workflows/shop/instances/batch", given)]


def test_more_than_a_hundred_are_sent_a_hundred_at_a_time_in_order(serve: Serve) -> None:
    given = items(250)
    requests = [given[:100], given[100:200], given[200:]]
    server = serve(*((200, started(*ids(each))) for each in requests))
    result = run("start-batch", "shop", "--json", "--params", "-", input=json.dumps(given))
    assert [body for _, _, body in server.asked] == requests
    assert (result.exit_code, json.loads(result.stdout)) == (0, started(*ids(given)))


@pytest.mark.parametrize(("bytes_more", "requests"), [(0, 1), (1, 2)])
def test_a_request_is_no_larger_than_the_api_takes(serve: Serve, bytes_more: int, requests: int) -> None:
    given = items(2, note="")
    room = MAX_PAYLOAD_BYTES - len(json.dumps(given))
    given[1]["params"]["note"] = "x" * (room + bytes_more)
    server = serve(*((200, started(each)) for each in ids(given)))
    run("start-batch", "shop", "--params", "-", input=json.dumps(given))
    assert len(server.asked) == requests


@pytest.mark.parametrize(
    ("statuses", "code"), [([409], 4), ([422], 2), ([503], 5), ([422, 409], 4), ([409, 503, 422], 5)]
)
def test_the_exit_code_is_the_greatest_of_those_of_the_refused(serve: Serve, statuses: list[int], code: int) -> None:
    results = [refused("x", each) for each in statuses]
    serve((200, started("order-1") + results))
    result = run("start-batch", "shop", "--params", json.dumps(items(1 + len(statuses))))
    assert result.exit_code == code


def test_the_refused_are_told_by_their_reasons_and_nothing_of_their_data(serve: Serve) -> None:
    exists, busy = "It exists.", "Too much at once."
    results = [
        *(refused(f"order-{number}", 409, exists) for number in (1, 2, 3)),
        *started("order-4"),
        refused("order-5", 503, busy),
        refused("order-6", 409, exists),
    ]
    serve((200, results))
    result = run("start-batch", "shop", "--params", json.dumps(items(6)))
    assert result.stderr.splitlines()[:3] == [
        "1 of 6 are started; of the others:",
        "  items 1 to 3, 6: It exists.",
        "  item 5: Too much at once.",
    ]
    assert "with an id can always be sent again" in result.stderr
    assert SECRET not in result.output
    as_json = run("start-batch", "shop", "--json", "--params", json.dumps(items(6)))
    assert json.loads(as_json.stdout) == results
    assert json.loads(as_json.stderr) == {"error": result.stderr.rstrip("\n")}


def test_what_is_wrong_in_a_later_request_is_told_by_its_place_among_all(serve: Serve) -> None:
    given = items(201)
    server = serve((200, started(*ids(given[:100]))), (422, WRONG))
    result = run("start-batch", "shop", "--json", "--params", json.dumps(given))
    assert len(server.asked) == 2
    others = "Nothing of its request was started, because of item 102."
    assert json.loads(result.stdout) == [
        *started(*ids(given[:100])),
        refused("order-101", 422, others),
        refused("order-102", 422, "params.email: No e-mail"),
        *(refused(id, 422, others) for id in ids(given[102:200])),
        {"id": "order-201", "new": False, "error": {"status": None, "detail": "Not sent."}},
    ]
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"].splitlines()[:4] == [
        "100 of 201 are started; of the others:",
        f"  items 101, 103 to 200: {others}",
        "  item 102: params.email: No e-mail",
        "  item 201: Not sent.",
    ]


INVOKE = (
    "AWS does not let you in: Forbidden; IAM must let you execute-api:Invoke the API, and credentials that have expired"
    " are to be renewed\n"
)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ((404, {"detail": "There is no workflow of this name."}), 3, "There is no workflow of this name.\n"),
        ((403, {"message": "Forbidden"}), 5, INVOKE),
        (GONE, 5, "nothing answers\n"),
    ],
)
def test_where_no_start_can_be_had_it_is_said_once(serve: Serve, answer: Any, code: int, said: str) -> None:
    server = serve(answer)
    result = run("start-batch", "shop", "--params", json.dumps(items(101)))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)
    assert [method for method, _, _ in server.asked].count("POST") == 1


@pytest.mark.parametrize(
    ("answer", "status", "code", "why"),
    [
        ((503, {"detail": "Busy."}), 503, 5, "Whether it was started is not known: Busy."),
        (GONE, None, 5, "Whether it was started is not known: nothing answers"),
        (KeyboardInterrupt(), None, 130, "Whether it was started is not known: Ctrl-C came before the answer"),
        ((429, {"message": "Slow down"}), 429, 5, "Slow down"),
    ],
)
def test_a_request_without_results_ends_the_sending(
    serve: Serve, answer: Any, status: int | None, code: int, why: str
) -> None:
    given = items(250)
    server = serve((200, started(*ids(given[:100]))), answer)
    result = run("start-batch", "shop", "--json", "--params", json.dumps(given))
    assert (result.exit_code, len(server.asked)) == (code, 2)
    outcomes = json.loads(result.stdout)
    assert outcomes[:100] == started(*ids(given[:100]))
    assert {(each["error"]["status"], each["error"]["detail"]) for each in outcomes[100:200]} == {(status, why)}
    assert {(each["error"]["status"], each["error"]["detail"]) for each in outcomes[200:]} == {(None, "Not sent.")}


@pytest.mark.parametrize(("answer", "code"), [((500, {"detail": "Broken."}), 5), (KeyboardInterrupt(), 130)])
def test_a_first_request_whose_end_is_not_known_is_told_for_each_item(serve: Serve, answer: Any, code: int) -> None:
    serve(answer)
    result = run("start-batch", "shop", "--params", json.dumps(items(2)))
    assert result.exit_code == code
    assert "0 of 2 are started; of the others:\n  items 1 to 2: Whether it was started is not known" in result.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "--params is no JSON"),
        ("@no-such-file", "cannot be read"),
        ("[]", "--params is no array with an item for each run"),
        ('{"params": {}}', "--params is no array with an item for each run"),
        ("[NaN]", "NaN"),
        (f'[{{"params": 1}}, "{SECRET}"]', "  item 2: Input should be an object\n"),
        (f'[{{"param": "{SECRET}"}}]', "  item 1: params: Field required; param: Unknown field\n"),
        (f'[{{"id": "{SECRET}", "params": 1}}]', "  item 1: id: String should match pattern"),
        (
            '[{"params": 1}, {"id": "latest", "params": 1}]',
            "  item 2: `latest` in place of an id is the run that changed",
        ),
    ],
)
def test_what_has_not_the_form_of_a_batch_is_refused_before_anything_is_sent(
    serve: Serve, given: str, said: str
) -> None:
    server = serve((200, []))
    result = run("start-batch", "shop", "--params", given)
    assert (result.exit_code, result.stdout, server.asked) == (2, "", [])
    assert said in result.stderr
    assert SECRET not in result.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("quiet", "shown"), [(False, True), (True, False)])
def test_a_terminal_shows_how_many_were_sent(monkeypatch: pytest.MonkeyPatch, quiet: bool, shown: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with batch._progress(250, quiet=quiet) as advance:
        advance(100)
        advance(100)
    assert ("200/250" in terminal.getvalue()) is shown
