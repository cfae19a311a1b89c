"""Fields whose names in JSON are given by the class that holds them: natively, compiled, or refused when compiling."""

from __future__ import annotations

from dataclasses import dataclass, field

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field, with_config
from pydantic.alias_generators import to_camel, to_pascal
from typing_extensions import NamedTuple, TypedDict

from durable.compiler import compile_workflow
from durable.compiler.types.roundtrip import loss
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.written import written

CAMEL = ConfigDict(alias_generator=to_camel, populate_by_name=True)


@dataclass(frozen=True)
class Score:
    """It has no config: where it stands in a class with an alias generator, that names its fields."""

    best_run: int = 0


@dataclass
class Team:
    team_name: str
    scores: list[Score] = field(default_factory=list)


class Mark(TypedDict):
    mark_text: str


class Plain(BaseModel):
    """A model has a config of its own always."""

    plain_text: str = "p"


@with_config(CAMEL)
@dataclass(frozen=True)
class Named:
    own_name: int = 1


@with_config(CAMEL)
@dataclass(frozen=True)
class Holder:
    held_score: Score = Score(3)
    held_named: Named = Named()


@pydantic.dataclasses.dataclass
class Checked:
    own_text: str = "c"


class Pair(NamedTuple):
    left_score: Score
    runs: int


class Out(BaseModel):
    model_config = CAMEL
    best: Score | None = None
    all_scores: list[Score] = []
    by_name: dict[str, Score] = {}
    my_team: Team | None = None
    my_pair: tuple[Score, int] = (Score(5), 1)
    my_tuple: Pair = Pair(Score(6), 2)
    plain: Plain = Plain()
    named: Named = Named(own_name=3)
    my_holder: Holder = Holder(Score(7))
    my_checked: Checked = Checked()
    my_mark: Mark | None = None
    unlike: int = Field(default=9, alias="other-name")


class Direct(BaseModel):
    model_config = CAMEL
    the_score: Score
    the_mark: Mark
    the_named: Named
    the_checked: Checked


class Game(BaseModel):
    out: Out = Out()
    title: str = "t"


OUT = Out(
    best=Score(1),
    all_scores=[Score(2)],
    by_name={"k": Score(3)},
    my_team=Team("x", [Score(4)]),
    my_mark={"mark_text": "m"},
)
GAMES = [Game(), Game(out=OUT)]


def get_out(title: str) -> Out:
    return OUT


def get_direct(title: str) -> Direct:
    return Direct(the_score=Score(8), the_mark={"mark_text": "m"}, the_named=Named(2), the_checked=Checked("d"))


def take_direct(direct: Direct) -> str:
    return f"{direct.the_score.best_run} {direct.the_mark['mark_text']} {direct.the_checked.own_text}"


def get_score(title: str) -> Score:
    return Score(8)


def get_named(title: str) -> Named:
    return Named(8)


def take_out(out: Out) -> list[int]:
    return [each.best_run for each in out.all_scores] + ([out.best.best_run] if out.best else [])


def take_score(score: Score) -> int:
    return score.best_run


def take_scores(scores: list[Score]) -> int:
    return len(scores)


def take_named(named: Named) -> int:
    return named.own_name


def take_pair(pair: Pair) -> int:
    return pair.left_score.best_run


READ = {
    "optional": "return out.best.best_run if out.best is not None else None",
    "in a list": "return [each.best_run for each in out.all_scores]",
    "in a loop": "n = 0\nfor each in out.all_scores:\n    n += each.best_run\nreturn n",
    "in a dict": 'return out.by_name["k"].best_run if "k" in out.by_name else None',
    "in a tuple": "return out.my_pair[0].best_run + out.my_tuple.left_score.best_run",
    "two levels deep": "return [s.best_run for s in out.my_team.scores] if out.my_team is not None else None",
    "a model": "return out.plain.plain_text",
    "a dataclass with a config": "return [out.named.own_name, out.my_holder.held_score.best_run]",
    "a dataclass of pydantic": "return out.my_checked.own_text",
    "an alias of its own": "return out.unlike",
    "fields that are given": (
        'd = await step.do("d", get_direct, "t")\n'
        "found = [d.the_score.best_run, d.the_named.own_name, d.the_checked.own_text]\n"
        'return [*found, await step.do("t", take_direct, d)]'
    ),
    "passed on whole": 'return await step.do("t", take_out, out)',
    "from a step": 'found = await step.do("o", get_out, "t")\nreturn await step.do("t", take_out, found)',
    "a copy": (
        'o = out.model_copy(update={"named": await step.do("n", get_named, "t"), "best": None})\n'
        'return [await step.do("t", take_out, o), await step.do("m", take_named, o.named), o.named.own_name]'
    ),
    "a copy of what is inside": (
        "if out.best is None:\n    return None\n"
        'o = out.model_copy(update={"best": replace(out.best, best_run=4)})\nreturn await step.do("t", take_out, o)'
    ),
    "moved within it": (
        'o = out.model_copy(update={"all_scores": []})\no.best = out.best\nreturn await step.do("t", take_out, o)'
    ),
    "built with its defaults": (
        "o = Out(named=Named(own_name=4))\nh = Holder(held_named=o.named)\n"
        'return [await step.do("t", take_out, o), h.held_score.best_run, o.my_pair[0].best_run, o.unlike]'
    ),
}


def _written(body: str) -> str:
    return f"out = event.payload.out\n{body}"


@pytest.mark.parametrize("name", READ)
def test_a_field_is_read_under_the_name_that_its_holder_gives_it(name: str) -> None:
    workflow = written(_written(READ[name]), payload="Game", steps=__name__)
    for game in GAMES:
        assert agree(workflow, game).error is None


REFUSED = {
    "to a step of the class": 'return await step.do("t", take_score, out.all_scores[0])',
    "to a step in a list": 'return await step.do("t", take_scores, out.all_scores)',
    "to a step in a NamedTuple": 'return await step.do("t", take_pair, out.my_tuple)',
    "into the model": 'return await step.do("t", take_out, Out(best=await step.do("s", get_score, "t")))',
    "into a list of the model": 'o = Out(all_scores=[Score(best_run=1)])\nreturn await step.do("t", take_out, o)',
    "into a copy": 'o = out.model_copy(update={"best": Score(1)})\nreturn await step.do("t", take_out, o)',
    "into a field": 'o = await step.do("o", get_out, "t")\no.best = Score(1)\nreturn await step.do("t", take_out, o)',
    "a TypedDict": "return Out(my_mark={'mark_text': 'x'}).title",
    "to a name": "score: Score = out.all_scores[0]\nreturn score.best_run",
    "to a nested def": "def f(score: Score) -> int:\n    return score.best_run\n\nreturn f(out.all_scores[0])",
    "as the result": "return out.best",
    "in the result": 'return {"all": [out.by_name]}',
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_does_not_go_where_its_fields_have_other_names(name: str) -> None:
    with pytest.raises(CompileError, match=r"give \w+ these names everywhere: `@with_config\(ConfigDict\(alias_gen"):
        compile_workflow(written(_written(REFUSED[name]), payload="Game", steps=__name__))


class Both(BaseModel):
    one: Score = Score()
    out: Out = Out()


class Pascal(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal)
    in_pascal: frozenset[Score] | None = None


class Two(BaseModel):
    pascal: Pascal = Pascal()
    other: Out = Out()


class OneWay(BaseModel):
    written_as: int = Field(serialization_alias="w")


@dataclass
class HoldsOneWay:
    inner: list[OneWay]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (Both, "Score has two names in JSON for one field; give Score these names everywhere"),
        (Two, "Score has two names in JSON for one field"),
        (HoldsOneWay, "OneWay.written_as is written as 'w' and read as 'written_as'"),
    ],
)
def test_a_type_that_cannot_keep_its_names_is_refused(of: object, said: str) -> None:
    assert said in (loss(of) or "")


@pytest.mark.parametrize("of", [Game, Out, Direct, Team, Holder, Pair, Named])
def test_a_type_that_keeps_its_names_travels(of: object) -> None:
    assert loss(of) is None


def test_a_step_is_known_by_what_is_written_of_its_name() -> None:
    workflow = written(
        """
        limit = event.payload.age
        await step.do(f"bill {LIMIT}", text, "x")
        await step.do(f"send-{LIMIT}-{limit}{limit}", text, "x")
        await step.do(f"tell {event.payload.user_id}", text, "x", sensitive=True)
        """
    )
    compiled = compile_workflow(workflow)
    assert [each.name for each in compiled.steps] == ["bill 100", "send-100-*", "tell *"]
    assert "title" not in compiled.text.partition("send-100-*")[0]
    assert "title" in compiled.text.partition("tell *")[0]
    assert "title" not in compiled.text.partition("tell *")[2]  # of a sensitive step nothing is shown
