"""Members of an ensemble are the runs that they would have been alone."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from helpers import parts
from helpers.composed import composed
from vae_lab.errors import UserError
from vae_lab.experimental.ensemble.groups import check_ensemble, group_jobs
from vae_lab.experimental.ensemble.rng_tape import Draw, Replay
from vae_lab.experimental.ensemble.stack import Stack
from vae_lab.experimental.ensemble.step import Pair, StackedObjective
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.elbo import ELBO
from vae_lab.objectives.objective import Loss
from vae_lab.seeding import RngStream, reseed

CPU = torch.device("cpu")
SEEDS = (0, 7)


def pairs_of(*overrides: str, each: Sequence[str] = ("", "")) -> list[Pair]:
    """A small model with its objective under each seed, with overrides of its own."""
    return [
        Pair(*parts.model_and_objective(*overrides, f"seed={seed}", *filter(None, [own])))
        for seed, own in zip(SEEDS, each, strict=True)
    ]


def batches(pairs: Sequence[Pair], step: int) -> Tensor:
    """Other images for each member, of shape (N, B, C, H, W)."""
    shuffled = [torch.Generator().manual_seed(100 * step + member) for member in range(len(pairs))]
    images = parts.images(pairs[0].model, 64)
    return torch.stack([images[torch.randperm(64, generator=noise)[:16]] for noise in shuffled])


def reseeds(step: int) -> list[partial[None]]:
    return [partial(reseed, CPU, seed, RngStream.TRAIN, 0, 0, step) for seed in SEEDS]


def trained_alone(pairs: Sequence[Pair], num_steps: int) -> Tensor:
    """The losses of each member by itself, of shape (steps, N)."""
    optimizers = [torch.optim.Adam(pair.parameters(), lr=3e-3) for pair in pairs]
    losses = torch.zeros(num_steps, len(pairs))
    for step in range(num_steps):
        for member, (pair, optimizer) in enumerate(zip(pairs, optimizers, strict=True)):
            reseeds(step)[member]()
            loss = pair(batches(pairs, step)[member]).loss.value
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[step, member] = loss.detach()
    return losses


def trained_together(pairs: Sequence[Pair], num_steps: int) -> Tensor:
    """The losses of the members on one stack, of shape (steps, N); the members' own tensors follow."""
    stack = Stack(pairs)
    objective = StackedObjective(pairs, stack)
    optimizer = torch.optim.Adam(stack.parameters(), lr=3e-3)
    losses = torch.zeros(num_steps, len(pairs))
    for step in range(num_steps):
        loss, buffers = objective(batches(pairs, step), None, reseeds(step))
        stack.replace_buffers(buffers)
        optimizer.zero_grad()
        loss.value.sum().backward()
        optimizer.step()
        losses[step] = loss.value.detach()
    stack.link()
    return losses


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "each"),
    [
        (["objective=elbo"], ("", "")),
        (["objective=iwae"], ("", "")),
        (["objective=swae"], ("", "")),  # several draws in a step, of several kinds
        (["objective=beta_warmup", "objective.beta.steps=20"], ("", "")),  # a buffer that every step replaces
        (["likelihood=gaussian_optimal"], ("", "")),  # a buffer that every step fills
        (["posterior=full_covariance"], ("", "")),  # a buffer of indices
        (["model=two_layer"], ("", "")),
        (["model=conv"], ("", "")),
        (["prior=vamp"], ("", "")),
        (["corruption=masking"], ("", "")),
        (["objective=beta"], ("objective.beta=0", "objective.beta=8")),
        (["objective=beta_warmup"], ("objective.beta.end=0.1", "objective.beta.end=4")),
        (["objective=beta_tc"], ("objective.beta=1", "objective.beta=6")),
    ],
)
def test_a_member_is_what_it_is_alone(overrides: list[str], each: tuple[str, str]) -> None:
    alone, together = pairs_of(*overrides, each=each), pairs_of(*overrides, each=each)
    losses = trained_alone(alone, 20)
    assert not torch.allclose(losses[:, 0], losses[:, 1], rtol=1e-3), "the members differ"
    torch.testing.assert_close(trained_together(together, 20), losses, rtol=1e-4, atol=1e-4)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=1e-2, atol=2e-3)


def test_a_part_that_cannot_be_stacked_is_named() -> None:
    with pytest.raises(UserError, match=r"PowerSpherical.rsample cannot be computed.*leave out hydra/launcher"):
        trained_together(pairs_of("posterior=spherical"), 1)


def test_what_cannot_be_stacked_is_said_in_vae_lab_s_words() -> None:
    with pytest.raises(
        UserError, match="cannot be computed for several members at once; choose another part"
    ) as refusal:
        trained_together(pairs_of("objective=score_function_learned"), 1)
    assert "vmap" not in str(refusal.value)


class Impure(ELBO):
    """The ELBO with a weight that no ensemble can see: it is neither a parameter nor a buffer."""

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        loss = super().forward(model, x, c)
        return Loss(self.weight * loss.value, loss.terms)  # type: ignore[operator]


def test_a_member_that_would_not_be_itself_is_refused() -> None:
    pairs = pairs_of()
    for number, pair in enumerate(pairs):
        pair.objective = Impure()
        pair.objective.weight = [1.0 + number]  # type: ignore[assignment]
    with pytest.raises(UserError, match="the objectives differ in weight of Impure, which is not a number"):
        StackedObjective(pairs, Stack(pairs))
    for number, pair in enumerate(pairs):
        pair.model.encoder.register_forward_hook(lambda module, args, out, factor=1 + number: factor * out)
        pair.objective = ELBO()
    with pytest.raises(UserError, match="does not give the members of an ensemble the same loss and gradient"):
        trained_together(pairs, 1)


def test_other_draws_than_the_rehearsed_ones_are_an_error() -> None:
    noise = [torch.zeros(3)]
    with Replay([Draw(torch.randn, (3,), {})], noise):
        assert torch.randn(3) is noise[0]
    for draw in (lambda: torch.randn(4), lambda: torch.rand(3), lambda: torch.randn(3).normal_()):
        with Replay([Draw(torch.randn, (3,), {})], noise), pytest.raises(RuntimeError, match="differ between steps"):
            draw()


def test_jobs_are_grouped_by_what_an_ensemble_shares() -> None:
    jobs = [
        composed(*job.split())
        for job in (
            "seed=0 objective=beta objective.beta=1",
            "seed=1 objective=beta objective.beta=0.5",
            "seed=0",
            "seed=0 latent_dim=3 objective=beta",
            "seed=2 objective=beta objective.beta=4.0",
            "seed=0 objective=beta objective.num_samples=2",
            "seed=0 objective=beta_warmup objective.beta.end=2",
            "seed=0 objective=beta_warmup objective.beta.steps=2",
        )
    ]
    assert group_jobs(jobs, 16) == [[0, 1, 4], [2], [3], [5], [6], [7]]
    assert group_jobs(jobs, 2)[:2] == [[0, 1], [4]]


@pytest.mark.parametrize(
    "override",
    [
        "compile=true",
        "trainer.gradient_clip_val=1",
        "trainer.precision=bf16-mixed",
        "trainer.devices=2",
        "trainer.strategy=ddp",
        "optimizer._target_=torch.optim.Adafactor",
        "logger._target_=lightning.pytorch.loggers.CSVLogger",
    ],
)
def test_what_would_mix_the_members_is_refused(override: str) -> None:
    check_ensemble(composed())
    with pytest.raises(UserError) as refused:
        check_ensemble(composed(override))
    assert str(refused.value).startswith(override)
    assert "\n" not in str(refused.value)
