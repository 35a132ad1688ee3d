"""What a class declares is what it does: every attribute is stated, and measured on every part of `conf/`."""

import ast
import sys
from pathlib import Path

import pytest

from helpers import declarations, parts
from helpers.composed import composed
from helpers.measured_networks import MODEL_MEASURES
from vae_lab.configuration.check import check
from vae_lab.configuration.choices import targets
from vae_lab.configuration.declarations import check_declarations, left_open, meaning
from vae_lab.configuration.source import read
from vae_lab.errors import UserError
from vae_lab.likelihoods.likelihood import Likelihood


@pytest.mark.slow
@pytest.mark.parametrize(("group", "attribute", "name"), declarations.CASES)
def test_what_is_declared_is_what_it_does(group: str, attribute: str, name: str) -> None:
    declarations.assert_true(group, attribute, name)


@pytest.mark.slow
@pytest.mark.parametrize(("group", "attribute", "name"), declarations.one_for_each_claim())
def test_a_lie_is_found(group: str, attribute: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurements do not read what they measure. Some lies keep the part from being built at all."""
    lie = declarations.a_lie(group, attribute, name)
    if attribute == "params_per_value":
        monkeypatch.setattr(declarations, "said", lambda *_: lie)
    else:
        monkeypatch.setattr(declarations.class_of(group, name), attribute, lie, raising=False)
    with pytest.raises(
        (AssertionError, UserError), match=f"says {attribute} = {lie!r}, but as measured|^(prior|posterior)"
    ):
        declarations.assert_true(group, attribute, name)


@pytest.mark.slow
@pytest.mark.parametrize("choice", parts.choices("model", "posterior", "prior", "objective"))
@pytest.mark.parametrize("attribute", sorted(MODEL_MEASURES))
def test_what_a_model_declares_is_what_it_does(choice: str, attribute: str) -> None:
    model, _ = parts.model_and_objective(choice)
    model.eval()
    assert MODEL_MEASURES[attribute](model) == getattr(model, attribute)


@pytest.mark.parametrize("group", sorted(declarations.BASES))
def test_every_declared_attribute_is_measured_and_explained(group: str) -> None:
    for base in declarations.BASES[group]:
        declared = [*base.__annotations__]
        missing = {*declared} - {*declarations.MEASURES[group]} - declarations.MEASURED_ELSEWHERE
        assert not missing, f"{base.__name__} declares what tests/helpers/declarations.py does not measure: {missing}"
        for name in declared:
            assert meaning(base.__doc__, name), f"the docstring of {base.__name__} does not say what {name} means"


@pytest.mark.parametrize("group", ["likelihood", "posterior", "prior", "objective"])
def test_every_choice_states_what_has_no_default(group: str) -> None:
    for target in targets(group).values():
        check_declarations(target)


BASE = "vae_lab.likelihoods.likelihood"
INCOMPLETE = f"""
from torch import Tensor
from {BASE} import Likelihood


class Newcomer(Likelihood):
    support = "real"
    is_set_by_mean = False
"""
COMPLAINT = "Newcomer does not say needs_dequantizing (whether the density at one grey level could grow without end"


def test_a_class_that_leaves_something_out_is_refused_by_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, from its text alone: it cannot even be imported."""
    (tmp_path / "newcomer.py").write_text(INCOMPLETE)
    monkeypatch.syspath_prepend(tmp_path)
    config = composed("likelihood=bernoulli")
    config.likelihood._target_ = "newcomer.Newcomer"
    with pytest.raises(UserError) as refused:
        check(config)
    assert str(refused.value).startswith(f"newcomer.{COMPLAINT}")
    assert "add a line 'needs_dequantizing = ...' to the class" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "newcomer" not in sys.modules


def test_a_class_that_leaves_something_out_is_refused_where_it_is_defined() -> None:
    with pytest.raises(TypeError, match=r"Newcomer does not say needs_dequantizing \(whether the density"):
        exec(compile(INCOMPLETE, "newcomer.py", "exec"), {"__name__": "newcomer"})


def test_a_value_that_is_no_literal_is_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "computed.py").write_text(INCOMPLETE + "    needs_dequantizing = bool(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match="with the value as a literal"):
        check_declarations("computed.Newcomer")


def test_an_abstract_class_may_leave_it_to_its_subclasses() -> None:
    source = read(BASE)
    assert source is not None
    found = source.find(Likelihood.__name__)
    assert found is not None
    assert isinstance(found[0], ast.ClassDef)
    assert left_open(found[0]) == ["support", "needs_dequantizing", "is_set_by_mean"]
    check_declarations(f"{BASE}.{Likelihood.__name__}")
