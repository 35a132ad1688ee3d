"""Objectives whose samples are held fixed: against closed forms, what they go with, and what they refuse."""

import pytest
import torch

from helpers import parts
from helpers.composed import composed
from helpers.gradients import MEAN, SCALE, B, C, G, X, exact_gradient_of_two_samples, run
from vae_lab.configuration.check import check
from vae_lab.errors import UserError
from vae_lab.maths import score_function
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.running_mean import RunningMean
from vae_lab.objectives.score_function import ConstantBaseline, LearnedBaseline, LeaveOneOut, WithoutBaseline
from vae_lab.objectives.vimco import VIMCO
from vae_lab.objectives.wake_sleep import ReweightedWakeSleep, WakeSleep


def constant(value: float) -> ConstantBaseline:
    """The score function with a baseline that stays as it is."""
    objective = ConstantBaseline()
    objective.mean.total.fill_(value)
    objective.mean.weight.fill_(1.0)
    return objective.eval()


def learned(num_samples: int = 1) -> LearnedBaseline:
    return LearnedBaseline((1, 1, 1), num_samples).double().eval()


@pytest.mark.parametrize(
    ("objective", "variance"),
    [
        (WithoutBaseline(), (C**2 + 2 * (SCALE * G) ** 2 + 15 * B**2 + 6 * B * C) / SCALE**2),
        (constant(C + 3 * B), (2 * (SCALE * G) ** 2 + 6 * B**2) / SCALE**2),
    ],
    ids=["none", "best_constant"],
)
def test_score_function_has_the_exact_variance(objective: Objective, variance: float) -> None:
    _, gradients, _ = run(objective)
    parts.close((gradients[:, 0] - G).square(), variance)


@pytest.mark.parametrize(
    "objective", [WithoutBaseline(), constant(-3.0), learned(), LeaveOneOut(3)], ids=lambda objective: type(objective)
)
def test_score_function_has_the_exact_mean_gradient_under_any_baseline(objective: Objective) -> None:
    loss, gradients, shifts = run(objective)
    parts.close(gradients, torch.tensor([G, 0.5 - SCALE**2], dtype=torch.float64))
    parts.close(shifts[:, 0], X - MEAN)
    torch.testing.assert_close(-loss.value.detach(), loss.terms["elbo"])


def test_vimco_has_the_mean_gradient_of_the_exact_bound() -> None:
    _, gradients, shifts = run(VIMCO(2))
    parts.close(torch.cat([gradients, shifts], 1), exact_gradient_of_two_samples())


def test_wake_sleep_has_the_exact_mean_gradients() -> None:
    """p learns at z ~ N(m, s^2); q, blind to the image, at dreams of z ~ N(0, 1)."""
    _, gradients, shifts = run(WakeSleep())
    parts.close(shifts[:, 0], X - MEAN)
    parts.close(gradients, torch.tensor([-MEAN / SCALE**2, ((1 + MEAN**2) / SCALE**2 - 1) / 2], dtype=torch.float64))


def test_special_cases() -> None:
    (plain, *gradients), (expected, *expected_gradients) = run(ReweightedWakeSleep(1, 0.0, 1.0)), run(WakeSleep(1))
    torch.testing.assert_close((plain.value, gradients), (expected.value, expected_gradients))
    (first, *gradients), (expected, *expected_gradients) = run(ConstantBaseline()), run(WithoutBaseline())
    torch.testing.assert_close((first.value, gradients), (expected.value, expected_gradients))
    log_w = torch.tensor([[1.0], [2.0]])
    # Of two samples each is the other's baseline, whether arithmetically or geometrically.
    torch.testing.assert_close(score_function.mean_of_others(log_w), log_w.flip(0))
    torch.testing.assert_close(score_function.bound_without_each(log_w), log_w.flip(0))


def test_the_running_mean_is_of_the_batches_before() -> None:
    mean = RunningMean(decay=0.9)
    assert mean(torch.tensor([5.0, 7.0])) == 0.0
    assert mean(torch.tensor(1.0)) == pytest.approx(6.0)
    expected = (0.9 * 6.0 + 1.0) / 1.9
    assert mean(torch.tensor(100.0)).item() == pytest.approx(expected)
    carried = RunningMean(decay=0.9)
    carried.load_state_dict(mean.state_dict())
    seen = mean.eval()(torch.tensor(0.0))
    torch.testing.assert_close((mean(torch.tensor(0.0)), carried(torch.tensor(0.0))), (seen, seen))


@pytest.mark.slow
@pytest.mark.parametrize("choice", parts.choices("posterior", "prior", "model", "corruption", "likelihood"))
def test_goes_with_every_part_or_says_what_does(choice: str) -> None:
    """Reweighted wake-sleep asks for all that any of these objectives does: fixed samples, their laws, and dreams."""
    if choice == "posterior=delta":
        overrides = [choice, "objective=reweighted_wake_sleep"]
    else:
        overrides = parts.with_companions(choice, "objective=reweighted_wake_sleep")
    try:
        check(composed(*overrides))
    except UserError:
        assert choice in ("posterior=delta", "posterior=iaf", "posterior=spline_flow")
        with pytest.raises(UserError, match=r"objective=(elbo|autoencoder)"):
            parts.model_and_objective(*overrides)
        return
    model, objective = parts.model_and_objective(*overrides)
    loss, gradients = parts.loss_and_gradients(model, objective, parts.images(model, 5))
    assert loss.value.isfinite()
    assert all(found is not None and found.isfinite().all() and found.any() for found in gradients.values())


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        (["objective=vimco", "objective.num_samples=1"], "greater than or equal to 2"),
        (["objective=score_function_leave_one_out", "objective.num_samples=1"], "greater than or equal to 2"),
        (["posterior=categorical", "prior=uniform_categorical"], "score_function"),
        (["posterior=categorical", "prior=uniform_categorical", "objective=stl"], "posterior=diagonal"),
        (["posterior=spline_flow", "objective=score_function"], "objective=elbo"),
        (["objective=score_function_learned", "+objective.image_shape=[1,2,2]"], "vae_lab sets this option"),
    ],
)
def test_is_refused_with_the_fix(overrides: list[str], hint: str) -> None:
    with pytest.raises(UserError, match=hint) as refused:
        check(composed(*overrides))
    assert "\n" not in str(refused.value)


def test_wake_sleep_that_leaves_q_alone_is_refused() -> None:
    with pytest.raises(UserError, match="raise one of them"):
        parts.model_and_objective(
            "objective=reweighted_wake_sleep", "objective.wake_weight=0", "objective.sleep_weight=0"
        )


@pytest.mark.slow
def test_trains_a_model_with_discrete_latent_variables() -> None:
    first, last = parts.losses_on_digits(
        "posterior=categorical", "prior=uniform_categorical", "objective=vimco", num_steps=600
    )
    assert last < first - 1.5
