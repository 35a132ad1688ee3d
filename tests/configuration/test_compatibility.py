"""The rules of what goes together: what they refuse, what they propose, and that every caller goes by them."""

import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import plain
from vae_lab.configuration.choices import targets
from vae_lab.configuration.compatibility import RULES, check_compatibility
from vae_lab.configuration.matching import DEFAULTS, Combination, Rule, message
from vae_lab.errors import UserError


@cache
def defaults() -> dict[str, Any]:
    """The default configuration, as plain containers."""
    return plain(composed())


def drawn(seed: int) -> dict[str, Any]:
    """A configuration of parts and settings at random, half of each group's draws its default."""
    rng = random.Random(seed)
    config = dict(defaults())
    for group, default in DEFAULTS.items():
        names = targets(group)
        name = default if rng.random() < 0.5 else rng.choice(sorted(names))
        config[group] = {"_target_": names[name]}
    if rng.random() < 0.3:
        config["model"]["norm"] = "batch"
    config["condition"] = rng.choice([None, None, "label"])
    config["corruption"] = rng.choice([None, None, {"_target_": "vae_lab.corruptions.Masking"}])
    config["compile"] = rng.random() < 0.2
    config["latent_dim"] = rng.choice([1, 20])
    config["data"] = {**config["data"], "batch_size": rng.choice([1, 128])}
    config["trainer"] = {**config["trainer"], "strategy": rng.choice(["auto", "ddp"])}
    return config


def broken(combination: Combination) -> list[Rule]:
    """The rules that a combination breaks."""
    return [rule for rule in RULES if rule.is_violated(combination)]


def proposals(text: str) -> list[tuple[str, str]]:
    """The parts that a message proposes, as (group, name)."""
    ways = text.partition(": ")[2].rpartition("; ")[2]
    found = []
    for group, first, others in re.findall(r"(?:choose|or) (\w+)=(\w+)(?: \(or ([^)]*)\))?", ways):
        found += [(group, name) for name in [first, *others.split(", ")] if name not in ("", "...")]
    return found


def test_draws_are_refused_by_every_rule_and_some_are_sound() -> None:
    """Otherwise the tests below would show less than they seem to."""
    results = [broken(Combination.of(drawn(seed))) for seed in range(4000)]
    assert sum(not rules for rules in results) > 400
    assert {rule for rules in results for rule in rules} == set(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.when[0]}-{rule.requires[0]}")
def test_what_a_message_proposes_mends_what_it_refuses(rule: Rule) -> None:
    refused = [combination for seed in range(4000) if rule.is_violated(combination := Combination.of(drawn(seed)))]
    for combination in refused[:15]:
        text = message(rule, combination, RULES)
        assert "\n" not in text
        assert len(text) < 400
        assert "{" not in text
        assert text.startswith((f"{rule.blames}=",))
        assert proposals(text) or rule.remedy
        for group, name in proposals(text):
            changed = combination.with_part(group, targets(group)[name])
            assert rule not in broken(changed), f"{text}: {group}={name} is refused in the same words"
            if len(broken(combination)) == 1:
                sound = [
                    other
                    for other, target in targets(group).items()
                    if not broken(combination.with_part(group, target))
                ]
                assert name in sound or not sound, f"{text}: {group}={name} is refused too"


@pytest.mark.parametrize("seed", range(0, 400, 10))
def test_build_and_the_check_before_torch_agree(seed: int) -> None:
    """One reads the text of the classes, the other the classes themselves."""
    config = OmegaConf.create(drawn(seed))
    messages: list[str | None] = []
    for refuse in (lambda: check_compatibility(drawn(seed)), lambda: build.check_parts(config)):
        try:
            refuse()
            messages.append(None)
        except UserError as error:
            messages.append(str(error))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    "overrides",
    [("prior=vamp", "condition=label"), ("prior=vamp", "posterior=iaf"), ("model=ladder", "posterior=iaf")],
    ids=" ".join,
)
def test_a_model_built_from_python_obeys_the_same_rules(overrides: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="choose "):
        build.model(composed(*overrides), (1, 8, 8), torch.full((1, 8, 8), 0.3), num_classes=3)


def test_a_part_is_known_by_the_name_of_its_module_too() -> None:
    long = ("prior._target_=vae_lab.priors.standard_normal.StandardNormal", "posterior=delta", "objective=autoencoder")
    check_compatibility(plain(composed(*long)))


def test_a_class_that_leaves_a_declaration_out_is_one_line_in_build_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from vae_lab.likelihoods.likelihood import Likelihood\n\n\nclass Mine(Likelihood):\n    support = 'real'\n"
    )
    (tmp_path / "half_said.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    config = composed()
    config.likelihood._target_ = "half_said.Mine"
    with pytest.raises(UserError, match=r"half_said\.Mine does not say needs_dequantizing"):
        build.model(config, (1, 8, 8), torch.full((1, 8, 8), 0.3))
