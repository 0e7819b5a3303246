# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From plain data to the description: what is taken, and what is said of the rest."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import schema
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import DockerCompose, Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError, option
from ansible_collections.vdsg.jupyterhub.tests.unit.support import SIMPLE


class Tagged(str):
    """A text as Ansible hands it over: a subclass with more to it."""

    def __repr__(self) -> str:
        return f"Tagged({str(self)!r})"


@dataclasses.dataclass(frozen=True)
class Inner:
    port: int = option(80)


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str = option()
    size: float | None = option(None)
    on: bool = option(True)
    count: int = option(1)
    colour: t.Literal["red", "green"] = option("red")
    words: tuple[str, ...] = option(())
    inner: Inner = option({})
    inners: tuple[Inner, ...] = option(())
    groups: dict[str, tuple[str, ...]] = option({})
    anything: t.Any = option(None)


def outer(**values: t.Any) -> Outer:
    return schema.build(Outer, {"name": "x", **values}, "lab_")


@pytest.mark.parametrize("data", [None, "", 3, [], ["name"], True], ids=repr)
def test_what_is_no_dictionary_is_refused(data: t.Any) -> None:
    with pytest.raises(DescriptionError, match=r"^lab must be a dictionary, not "):
        schema.build(Outer, data, "lab_")


def test_null_means_the_default() -> None:
    assert outer(size=None, on=None, count=None, colour=None, words=None, inner=None, inners=None, groups=None) == Outer("x", inner=Inner())


TAKEN = [
    ("on", "yes", True),
    ("on", "off", False),
    ("on", "True", True),
    ("on", 0, False),
    ("count", "7", 7),
    ("count", 7.0, 7),
    ("count", " 7 ", 7),
    ("count", 2**53 + 1, 2**53 + 1),
    ("size", "1.5", 1.5),
    ("size", 2, 2.0),
    ("words", ("a", "b"), ("a", "b")),
    ("inner", {"port": "8080"}, Inner(8080)),
    ("inners", [{"port": 1}, {}], (Inner(1), Inner(80))),
    ("groups", {"a": ["b"], 7: []}, {"a": ("b",), "7": ()}),
]


@pytest.mark.parametrize(("name", "value", "wanted"), TAKEN, ids=[f"{name} {value!r}" for name, value, _wanted in TAKEN])
def test_a_value_is_taken_as_the_command_line_gives_it(name: str, value: t.Any, wanted: t.Any) -> None:
    found = getattr(outer(**{name: value}), name)
    assert found == wanted
    assert type(found) is type(wanted)


BAD = [
    ({"nmae": 1}, "lab_nmae is not a known setting; did you mean lab_name?"),
    ({"zzzzzzzzzzzzzz": 1}, "lab_zzzzzzzzzzzzzz is not a known setting; known: lab_anything, lab_colour, lab_count"),
    ({"inner": {"prot": 1}}, "lab_inner.prot is not a known setting; did you mean lab_inner.port?"),
    ({"inners": [{}, {"port": "http"}]}, "lab_inners[1].port must be a whole number, not string 'http'"),
    ({"name": 7}, "lab_name must be a string, not integer 7"),
    ({"name": ["x" * 99]}, "lab_name must be a string, not list ['xxxxxxx"),
    ({"on": "maybe"}, "lab_on must be a boolean (true or false), not string 'maybe'"),
    ({"on": []}, "lab_on must be a boolean (true or false), not list []"),
    ({"on": 1.0}, "lab_on must be a boolean (true or false), not number 1.0"),
    ({"count": True}, "lab_count must be a whole number, not boolean True"),
    ({"count": 1.5}, "lab_count must be a whole number, not number 1.5"),
    ({"count": 10**400}, "lab_count must be a whole number, not integer 1000"),
    ({"count": float("inf")}, "lab_count must be a whole number, not number inf"),
    ({"size": "nan"}, "lab_size must be a number, not string 'nan'"),
    ({"size": float("inf")}, "lab_size must be a number, not number inf"),
    ({"size": {}}, "lab_size must be a number, not dictionary {}"),
    ({"colour": "gren"}, "lab_colour is 'gren', which is none of its choices; did you mean green?"),
    ({"colour": ["red"]}, "lab_colour is ['red'], which is none of its choices"),
    ({"words": "a"}, "lab_words must be a list, not string 'a'"),
    ({"words": ["a", 1]}, "lab_words[1] must be a string, not integer 1"),
    ({"groups": []}, "lab_groups must be a dictionary, not list []"),
    ({"groups": {"a": "b"}}, "lab_groups.a must be a list, not string 'b'"),
    ({"anything": {"a": [b"bytes"]}}, "made of texts, numbers, booleans, lists and dictionaries, not of bytes"),
    ({"name": None}, "lab_name is required"),
]


@pytest.mark.parametrize(("values", "message"), BAD, ids=[message for _values, message in BAD])
def test_a_wrong_value_is_refused_in_one_sentence(values: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        outer(**values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@dataclasses.dataclass(frozen=True)
class Guarded:
    """With secrets, something that may be one of two things, and something that is no longer there."""

    REFUSED: t.ClassVar[dict[str, str]] = {"admin": "use roles"}

    token: str = option("", secret=True)
    keys: dict[str, str] = option({}, secret=True)
    either: dict[str, str | Inner] = option({})


@pytest.mark.parametrize("values", [{"token": ["hush"]}, {"keys": {"a": ["hush"]}}, {"keys": "hush"}], ids=str)
def test_what_is_wrong_with_a_secret_is_said_without_it(values: dict[str, t.Any]) -> None:
    with pytest.raises(DescriptionError, match=r"^lab_(token|keys) is of another type than .* it is a secret") as refused:
        schema.build(Guarded, values, "lab_")
    assert "hush" not in str(refused.value)


def test_a_value_may_be_a_text_or_a_dictionary() -> None:
    assert schema.build(Guarded, {"either": {"a": "x", "b": {"port": 1}}}, "lab_").either == {"a": "x", "b": Inner(1)}
    for wrong, message in ((3, r"^lab_either\.a must be a string, not integer 3"), ({"prot": 1}, r"^lab_either\.a\.prot .* did you mean lab_either\.a\.port")):
        with pytest.raises(DescriptionError, match=message):
            schema.build(Guarded, {"either": {"a": wrong}}, "lab_")


def test_what_there_is_no_longer_says_why() -> None:
    with pytest.raises(DescriptionError, match=r"^lab_admin cannot be set: use roles$"):
        schema.build(Guarded, {"admin": True}, "lab_")


def test_a_long_value_is_cut_in_messages() -> None:
    assert len(schema.shown("x" * 1000)) == 60


def test_what_ansible_hands_over_becomes_plain() -> None:
    found = schema.plain({Tagged("a"): (Tagged("b"), 1, 1.5, None, True)})
    assert repr(found) == "{'a': ['b', 1, 1.5, None, True]}"
    assert {type(outer(name=Tagged("y")).name), type(outer(colour=Tagged("green")).colour)} == {str}


def test_a_misspelt_variable_names_the_nearest_one() -> None:
    with pytest.raises(DescriptionError, match=r"^jupyterhub_spawnr is not a known setting; did you mean jupyterhub_spawner\?$"):
        Hub.from_variables(SIMPLE | {"jupyterhub_spawnr": {}})
    with pytest.raises(DescriptionError, match=r"^docker_compose_projectdir is not a known setting; did you mean docker_compose_project_dir\?$"):
        DockerCompose.from_variables({"docker_compose_projectdir": "/x"})


def test_variables_of_others_are_not_looked_at() -> None:
    assert Hub.from_variables({"ansible_user": "x", "docker_compose_project_dir": 7}) == Hub.from_variables({})


def examples(cls: type, path: str = "") -> t.Iterator[tuple[str, type, str, t.Any]]:
    """Every option of a description with its example."""
    for field in dataclasses.fields(cls):
        yield f"{path}{field.name}", cls, field.name, field.metadata["example"]
        hint = schema.hints_of(cls)[field.name]
        for inner in (hint, *t.get_args(hint)):
            if dataclasses.is_dataclass(inner):
                yield from examples(t.cast(type, inner), f"{path}{field.name}.")


EXAMPLES = [*examples(Hub, "jupyterhub_"), *examples(DockerCompose, "docker_compose_")]


@pytest.mark.parametrize(("path", "cls", "name", "example"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_every_option_has_a_description_and_an_example_of_its_type(path: str, cls: type, name: str, example: t.Any) -> None:
    field = next(field for field in dataclasses.fields(cls) if field.name == name)
    assert field.metadata["description"].endswith("."), path
    assert example is not None
    schema.convert(schema.hints_of(cls)[name], example, path)


KEYS = st.one_of(
    st.sampled_from([field.name for field in dataclasses.fields(Hub)]), st.sampled_from(["mode", "name", "method", "image", "x"]), st.text(max_size=5)
)
DATA: st.SearchStrategy[t.Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=3), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, st.integers()), inner, max_size=3)),
    max_leaves=10,
)


@settings(max_examples=300)
@given(st.dictionaries(KEYS.map("jupyterhub_{}".format), DATA, max_size=3))
def test_whatever_is_given_nothing_but_one_sentence_comes_back(variables: dict[str, t.Any]) -> None:
    try:
        found = Hub.from_variables(variables)
    except DescriptionError as exc:
        assert str(exc)
    else:
        assert isinstance(found, Hub)
