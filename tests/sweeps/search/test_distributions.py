"""Search spaces: each way to write one is a distribution, and a wrong one is one line."""

import pytest
from hydra import initialize_config_dir
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from helpers import parts
from vae_lab.configuration.overrides import compose_with_hydra, parse
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.sweeps.jobs import check_sweep
from vae_lab.sweeps.search.distributions import distribution_of


def distribution(text: str) -> BaseDistribution:
    (override,) = parse([text])
    return distribution_of(override)


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("interval(0,1)", FloatDistribution(0, 1)),
        ("interval(1,1)", FloatDistribution(1, 1)),
        ("tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("int(interval(2,8))", IntDistribution(2, 8)),
        ("tag(log,int(interval(2,64)))", IntDistribution(2, 64, log=True)),
        ("int(tag(log,interval(2,64)))", IntDistribution(2, 64, log=True)),
        ("range(1,10)", IntDistribution(1, 9)),
        ("range(3)", IntDistribution(0, 2)),
        ("range(1,10,3)", IntDistribution(1, 7, step=3)),
        ("range(10,1,-3)", IntDistribution(4, 10, step=3)),
        ("range(0,1000000000)", IntDistribution(0, 999_999_999)),
        ("range(0,0.75,0.1)", FloatDistribution(0, 0.7, step=0.1)),
        ("range(0.3,0,-0.1)", FloatDistribution(0.1, 0.3, step=0.1)),
        ("float(range(1,3))", FloatDistribution(1, 2, step=1)),
        ("tag(log,range(1,10))", IntDistribution(1, 9, log=True)),
        ("choice(relu,tanh)", CategoricalDistribution(["relu", "tanh"])),
        ("relu,tanh", CategoricalDistribution(["relu", "tanh"])),
        ("choice(32,0.5,true)", CategoricalDistribution([32, 0.5, True])),
        ("choice([16,32],{a:1},'x,y')", CategoricalDistribution(["[16,32]", "{a:1}", r"x\,y"])),
        ("null,3", CategoricalDistribution(["null", 3])),
        ("shuffle(choice(1,2,3,4,5,6,7))", CategoricalDistribution([1, 2, 3, 4, 5, 6, 7])),
    ],
)
def test_a_sweep_is_a_distribution(sweep: str, expected: BaseDistribution) -> None:
    assert distribution(f"key={sweep}") == expected


@pytest.mark.parametrize("text", ["range(1,9,2)", "range(0.3,0,-0.1)", "range(0,0.75,0.1)"])
def test_a_range_has_the_values_of_a_grid(text: str) -> None:
    (override,) = parse([f"key={text}"])
    found = distribution_of(override)
    assert isinstance(found, IntDistribution | FloatDistribution)
    assert found.step is not None
    count = round((found.high - found.low) / found.step) + 1
    values = [found.low + number * found.step for number in range(count)]
    assert values == pytest.approx(sorted(override.sweep_iterator()))


def test_values_are_written_as_hydra_reads_them() -> None:
    """Of a trial, every choice reads back as what it was."""
    found = distribution("key=[16,32],{a:1},'x,y',a b,null,true,0.5,3,relu")
    assert isinstance(found, CategoricalDistribution)
    read = [override.value() for override in parse([f"key={value}" for value in found.choices])]
    assert read == [[16, 32], {"a": 1}, "x,y", "a b", None, True, 0.5, 3, "relu"]


def test_a_glob_is_a_choice() -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        assert distribution("prior=glob(*)") == CategoricalDistribution(parts.names("prior"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("interval(3,1)", r"expected the smaller number first, got 3\.0 before 1\.0"),
        ("interval(1,inf)", "needs finite numbers"),
        ("range(1,inf)", "needs finite numbers"),
        ("range(-inf,3)", "needs finite numbers"),
        ("range(nan,3,0.5)", "needs finite numbers"),
        ("tag(log,interval(0,1))", r"a logarithmic scale needs numbers above 0, got 0\.0"),
        ("tag(log,int(interval(0,4)))", "a logarithmic scale needs numbers above 0, got 0"),
        ("tag(log,range(-3,4))", "a logarithmic scale needs numbers above 0, got -3"),
        ("tag(log,range(1,10,2))", r"no steps; write latent_dim=tag\(log,interval\(FIRST,LAST\)\)"),
        ("tag(lgo,interval(1,2))", r"the tag 'lgo' is not accepted here; did you mean 'log'\?"),
        ("tag(log,choice(1,2))", "the tag 'log' is not accepted here; it takes none"),
        ("range(5,2)", "no values to sweep over"),
        ("range(1,5,0)", "no values to sweep over"),
        ("range(1,5,0.0)", "no values to sweep over"),
        ("glob(*)", "no values to sweep over"),
        ("str(interval(0,1))", "Intervals cannot be cast to str"),
        ("interval(1)", "expected KEY=VALUE as Hydra reads it"),
    ],
)
def test_a_wrong_space_is_one_line(sweep: str, message: str) -> None:
    overrides = ["hydra/sweeper=search", f"latent_dim={sweep}"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"), pytest.raises(UserError, match=message) as error:
        check_sweep("train", compose_with_hydra("train", overrides).hydra, overrides)
    assert str(error.value).startswith(f"latent_dim={sweep}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("range(5,2)", r"the range is empty; write range\(FIRST,END\)"),
        ("range(1,5,0)", "the third number .* must not be 0"),
    ],
)
def test_a_wrong_ready_space_is_one_line(sweep: str, message: str) -> None:
    overrides = ["search=mlp", f"hydra.sweeper.params.latent_dim='{sweep}'"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"), pytest.raises(UserError, match=message):
        check_sweep("train", compose_with_hydra("train", overrides).hydra, overrides)
