"""Noise depends on its position, not on history."""

import torch

from vae_lab.seeding import RngStream, derive_seed, generator, reseed

CPU = torch.device("cpu")


def test_position_alone_decides() -> None:
    reseed(CPU, 0, RngStream.TRAIN, 0, 3, 7)
    first = torch.randn(5)
    torch.randn(1000)
    reseed(CPU, 0, RngStream.TRAIN, 0, 3, 7)
    assert torch.equal(torch.randn(5), first)


def test_every_position_has_its_own_noise() -> None:
    seeds = [
        derive_seed(seed, stream, rank, epoch, batch)
        for seed in (0, 1)
        for stream in (RngStream.TRAIN, RngStream.VALIDATE)
        for rank in range(3)
        for epoch in range(5)
        for batch in range(50)
    ]
    assert len(set(seeds)) == len(seeds)


def test_generators_of_a_position_agree() -> None:
    one, other = (torch.rand(5, generator=generator("cpu", 1, RngStream.ORDER, 2)) for _ in range(2))
    assert torch.equal(one, other)
