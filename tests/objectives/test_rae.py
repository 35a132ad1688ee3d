"""Regularised autoencoders: penalties on linear decoders, whose Jacobian is their matrix."""

import pytest
import torch

from helpers import parts
from vae_lab.maths import smoothness
from vae_lab.models.vae import VAE
from vae_lab.objectives.autoencoder import Autoencoder
from vae_lab.objectives.rae import GradientRegularised, RegularisedAutoencoder, WeightRegularised


def linear_autoencoder() -> VAE:
    """z to W z + b with images of a unit normal, in float64."""
    model, _ = parts.model_and_objective("model=linear", "likelihood=gaussian", "posterior=delta")
    assert isinstance(model, VAE)
    return model.double()


def squared_matrix(model: VAE) -> torch.Tensor:
    (matrix,) = [parameter for parameter in model.decoder.parameters() if parameter.ndim == 2]
    return matrix.square().sum()


def test_jacobian_penalty_of_a_linear_decoder_has_its_squared_norm_for_a_mean() -> None:
    torch.manual_seed(0)
    model = linear_autoencoder()
    z = torch.randn(4000, 3, dtype=torch.float64)
    estimates = smoothness.squared_jacobian(lambda at: model.decode(at).mean, z, torch.randn_like)
    parts.close(estimates.detach(), squared_matrix(model).detach())


def test_jacobian_penalty_has_the_gradient_of_the_squared_norm_for_a_mean() -> None:
    """d |W|_F^2 / dW = 2 W; the gradients of 2000 single directions, by one matrix for each."""
    torch.manual_seed(0)
    matrices = torch.randn(4, 3, dtype=torch.float64).expand(2000, 4, 3).clone().requires_grad_()
    z = torch.randn(2000, 3, dtype=torch.float64)
    estimates = smoothness.squared_jacobian(lambda at: (matrices @ at.unsqueeze(-1)).squeeze(-1), z, torch.randn_like)
    estimates.sum().backward()
    assert matrices.grad is not None
    parts.close(matrices.grad, 2 * matrices[0].detach())


def test_weight_penalty_leaves_the_output_bias_alone() -> None:
    model = linear_autoencoder()
    torch.testing.assert_close(smoothness.squared_weights(model.decoder), squared_matrix(model))


@pytest.mark.parametrize("regularised", [WeightRegularised, GradientRegularised])
def test_without_weights_it_is_an_autoencoder(regularised: type[RegularisedAutoencoder]) -> None:
    model = linear_autoencoder()
    x = parts.images(model, 6, torch.float64)
    loss, gradients = parts.loss_and_gradients(model, regularised(0.0, 0.0), x)
    gradients = {name: gradient.clone() for name, gradient in gradients.items() if gradient is not None}
    expected, exact_gradients = parts.loss_and_gradients(model, Autoencoder(), x)
    torch.testing.assert_close(loss.value, expected.value)
    torch.testing.assert_close(gradients, exact_gradients)


def test_the_loss_by_hand() -> None:
    model = linear_autoencoder()
    x = parts.images(model, 6, torch.float64)
    loss = WeightRegularised(3.0, 5.0)(model, x)
    code = model.code(x).square().sum(-1).mean() / 2
    torch.testing.assert_close(loss.terms["code_penalty"], code.detach())
    distortion = -model.decode(model.code(x)).log_prob(x).mean()
    torch.testing.assert_close(loss.value, distortion + 3 * code + 5 * squared_matrix(model))
