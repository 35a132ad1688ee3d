"""The contract of every part in `conf/`: add a YAML, and it is tested here, and distributions beside it."""

import copy
import io
from pathlib import Path

import pytest
import torch

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.data.image_set import MissingDataError
from vae_lab.errors import UserError
from vae_lab.evaluation.criterion import criterion_of

PARTS = [
    *parts.choices("model", "initialization", "corruption", "posterior", "prior", "likelihood", "objective"),
    "condition=label",
]


@pytest.mark.slow
@pytest.mark.parametrize("choice", [*PARTS, *parts.choices("optimizer", "schedule", "logger", "callbacks", "trainer")])
def test_composes_and_is_sound(choice: str) -> None:
    check(composed(*parts.with_companions(choice)))


@pytest.mark.parametrize("name", parts.names("data"))
@pytest.mark.usefixtures("offline")
def test_data_set_loads(name: str, own_images: dict[str, Path], linked_root: Path) -> None:
    options = {"path": own_images.get(name), "root": linked_root}
    known = set(composed(f"data={name}").data)
    given = [f"data.{key}={value}" for key, value in options.items() if key in known]
    config = composed(f"data={name}", "data.binarize=dynamic", *given)
    check(config)
    try:
        data = build.data(config)
    except MissingDataError as error:
        pytest.skip(str(error))
    for split in (data.train, data.val, data.test):
        assert split.images.dtype == torch.uint8
        assert split.images.ndim == 4
        assert len(split.images) == len(split.labels) > 0
        assert split.labels.dtype == torch.int64
        assert split.labels.min() >= 0


@pytest.mark.slow
@pytest.mark.parametrize("choice", PARTS)
def test_every_parameter_has_a_finite_gradient(choice: str) -> None:
    model, objective = parts.model_and_objective(choice)
    loss, gradients = parts.loss_and_gradients(model, objective, parts.images(model, 5))
    assert loss.value.isfinite()
    own = {f"objective.{name}": parameter.grad for name, parameter in objective.named_parameters()}
    for name, gradient in (gradients | own).items():
        assert gradient is not None, f"{name} takes no part in the loss"
        assert gradient.isfinite().all(), name
        assert gradient.any(), f"{name} has no gradient"


@pytest.mark.slow
@pytest.mark.parametrize("choice", parts.choices("model", "corruption"))
@pytest.mark.parametrize("pixel", [0.0, 1.0])
@pytest.mark.parametrize("size", [1.0, 30.0])
def test_networks_are_finite_at_extremes(choice: str, pixel: float, size: float) -> None:
    """Blank images, through weights of the usual size and through far larger ones."""
    model, objective = parts.model_and_objective(choice)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(size if parameter.ndim == 2 else 1.0)
    loss, gradients = parts.loss_and_gradients(model, objective, torch.full((3, *parts.IMAGE_SHAPE), pixel))
    assert loss.value.isfinite()
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert gradient.isfinite().all(), name


@pytest.mark.slow
@pytest.mark.parametrize("choice", PARTS)
def test_float64_agrees_with_float32(choice: str) -> None:
    model, objective = parts.model_and_objective(choice)
    double, same = copy.deepcopy(model).double(), copy.deepcopy(objective).double()  # an objective counts its batches
    x = parts.images(model, 5)
    torch.manual_seed(0)
    narrow = objective(model, x).value
    noise = NoiseOfFloat32()
    with noise:
        torch.manual_seed(0)
        wide = same(double, x.double()).value
    assert wide.dtype == torch.float64
    torch.testing.assert_close(wide.float(), narrow, rtol=1e-4, atol=1e-3)


class NoiseOfFloat32(torch.overrides.TorchFunctionMode):
    """Draws the noise of float64 code in float32, so that both see the same samples."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "normal":
            return func(*(arg.float() for arg in args), **kwargs).to(args[0].dtype)
        if name in ("normal_", "uniform_", "exponential_"):
            return args[0].copy_(func(torch.empty(args[0].shape), *args[1:], **kwargs))
        if name in ("rand", "randn"):
            dtype = kwargs.pop("dtype", torch.float32)
            return func(*args, **kwargs).to(dtype)
        if name in ("normal", "bernoulli", "multinomial"):
            distribution = [arg.float() if isinstance(arg, torch.Tensor) else arg for arg in args]
            return func(*distribution, **kwargs).to(args[0].dtype if name != "multinomial" else torch.int64)
        return func(*args, **kwargs)


@pytest.mark.slow
@pytest.mark.parametrize("choice", PARTS)
def test_compiled_equals_eager(choice: str) -> None:
    model, objective = parts.model_and_objective(choice)
    same = copy.deepcopy(objective)  # an objective counts its batches
    x = parts.images(model, 5)
    torch._dynamo.reset()
    compiled = torch.compile(lambda model, x: same(model, x), fullgraph=True, backend="aot_eager")
    if objective.uncompilable:
        with pytest.raises(UserError, match=objective.uncompilable):
            check(composed(*parts.with_companions(choice), "compile=true"))
        with pytest.raises(torch._dynamo.exc.Unsupported):
            compiled(model, x)  # else what it declares is out of date
        return
    eager_loss, eager = parts.loss_and_gradients(model, objective, x)
    loss, gradients = parts.loss_and_gradients(model, same, x, compiled)
    torch.testing.assert_close(loss, eager_loss)
    torch.testing.assert_close(gradients, eager)


@pytest.mark.slow
@pytest.mark.parametrize("choice", PARTS)
def test_saves_and_loads(choice: str) -> None:
    model, _ = parts.model_and_objective(choice)
    other, _ = parts.model_and_objective(choice, "seed=1")
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    x = parts.images(model, 3)
    figures = []
    for each in (model, other):
        torch.manual_seed(0)
        figures.append(criterion_of(each).test(each, x, nll_samples=1))
    torch.testing.assert_close(*figures, rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("choice", parts.choices("model", "corruption", "posterior", "prior", "likelihood"))
def test_shapes_of_a_trace(choice: str) -> None:
    model, _ = parts.model_and_objective(choice)
    trace = model.trace(parts.images(model, 5), num_samples=4)
    assert trace.log_px.shape == trace.log_w().shape == trace.kl().shape == (4, 5)
    for latent in trace.latents:
        assert latent.z.shape[:2] == (4, 5)
        assert latent.log_q.shape == latent.log_p.shape == latent.kl.shape == (4, 5)
    assert model.generate(6).mean.shape == (6, *parts.IMAGE_SHAPE)


@pytest.mark.slow
@pytest.mark.parametrize("choice", parts.choices("model", "posterior", "prior", "likelihood"))
def test_the_noise_of_a_sample_is_its_own(choice: str) -> None:
    """Images of a batch do not see each other: an image's figures are the same in any batch."""
    model, _ = parts.model_and_objective(choice)
    x = parts.images(model, 4)
    q = model.encode(x)
    alone = model.encode(x[2:3])
    torch.testing.assert_close(q.mean[2:3], alone.mean)


@pytest.mark.slow
@pytest.mark.parametrize("choice", parts.choices("model", "posterior", "prior"))
def test_a_pass_agrees_with_the_joint_and_the_posterior(choice: str) -> None:
    """`log_joint` and `log_posterior` at the samples of a pass, and at dreams: the same figures by another way."""
    model, _ = parts.model_and_objective(choice)
    model.eval()  # relaxed samples would have no law of their own
    x = parts.images(model, 5)
    trace = model.trace(x, num_samples=3, reparameterize=False)
    zs = [latent.z for latent in trace.latents]
    assert not any(z.requires_grad for z in zs)
    torch.testing.assert_close(model.log_joint(x, zs), trace.log_px + sum(latent.log_p for latent in trace.latents))
    if model.has_elbo:
        torch.testing.assert_close(model.log_joint(x, zs) - model.log_posterior(x, zs), trace.log_w())
    sample_joint = model.sample_joint(4)
    assert sample_joint.p.batch_shape == (4,)
    assert model.log_joint(parts.images(model, 4), sample_joint.zs).shape == (4,)
    assert not any(z.requires_grad for z in sample_joint.zs)
