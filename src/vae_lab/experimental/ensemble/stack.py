"""The parameters and buffers of several like modules, as one tensor each."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Stacked parameters and buffers, of which the members' own are views.

    Matrices are stored transposed: so the gradient of a layer's weights comes out of the batched product in the layout
    that it is stored in, and is not copied (a fifth of the time of a step of the default network on the CPU).

    Args:
        members: modules with parameters and buffers of the same names and shapes.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self._members = tuple(members)  # of which nothing is registered: their tensors are counted once
        first = members[0]
        self.names = [name for name, _ in first.named_parameters()]
        saved = first.state_dict()
        # Those that are not saved are constants, the same for all members.
        self.buffer_names = [name for name, _ in first.named_buffers() if name in saved]
        for name in self.names:
            parameters = [member.get_parameter(name).detach() for member in members]
            stored = nn.Parameter(stack(parameters), requires_grad=first.get_parameter(name).requires_grad)
            self.register_parameter(key(name), stored)
        for name in self.buffer_names:
            self.register_buffer(key(name), torch.stack([member.get_buffer(name) for member in members]))
        self.link()

    @property
    def device(self) -> torch.device:
        """Where the parameters lie."""
        return next(self.parameters()).device

    def __len__(self) -> int:
        return len(self._members)

    def named_stacks(self) -> dict[str, Tensor]:
        """The parameters by the members' names, of shape (N, *shape)."""
        return {name: turned(self.get_parameter(key(name))) for name in self.names}

    def named_buffer_stacks(self) -> dict[str, Tensor]:
        """The buffers by the members' names, of shape (N, *shape)."""
        return {name: self.get_buffer(key(name)) for name in self.buffer_names}

    def replace_buffers(self, stacks: dict[str, Tensor]) -> None:
        """Take over what a step made of the buffers."""
        for name in self.buffer_names:
            self.register_buffer(key(name), stacks[name].detach())

    @torch.no_grad()
    def link(self) -> None:
        """Make the members' tensors views of the stacked ones, after these were moved or replaced."""
        parameters, buffers = self.named_stacks(), self.named_buffer_stacks()
        for number, member in enumerate(self._members):
            for name, parameter in member.named_parameters():
                parameter.data = parameters[name].data[number]
            for name, buffer in member.named_buffers():
                buffer.data = buffers[name].data[number] if name in buffers else buffer.to(self.device)

    def gradients(self, loss: Tensor) -> list[Tensor | None]:
        """The gradients of a scalar at each parameter that has one, of shape (N, *shape)."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        return [None if gradient is None else turned(gradient) for gradient in gradients]

    def split_optimizer(self, state: dict[str, Any], member: int) -> dict[str, Any]:
        """The state of a member's optimizer, out of that of the stack's."""

        def own(position: int, value: Any) -> Any:
            shape = self.get_parameter(key(self.names[position])).shape
            return (
                turned(value)[member].clone(memory_format=torch.contiguous_format)
                if is_per_parameter(value, shape)
                else value
            )

        states = {k: {name: own(k, value) for name, value in each.items()} for k, each in state["state"].items()}
        return {**state, "state": states}

    def join_optimizers(self, states: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The state of the stack's optimizer, out of those of the members'."""
        first = states[0]

        def joined(position: int, name: str) -> Any:
            values = [state["state"][position][name] for state in states]
            shape = self._members[0].get_parameter(self.names[position]).shape
            # The number of steps is the same for all members.
            return stack(values) if name != "step" and is_per_parameter(values[0], shape) else values[0]

        together = {k: {name: joined(k, name) for name in each} for k, each in first["state"].items()}
        return {**first, "state": together}


def key(name: str) -> str:
    """A dotted name as a module may register it."""
    return name.replace(".", "/")


def turned(stored: Tensor) -> Tensor:
    """Between the members' layout and the stored one: matrices are transposed."""
    return stored.transpose(1, 2) if stored.ndim == 3 else stored


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of the members' layout in the stored one."""
    return turned(torch.stack(list(tensors))).contiguous()


def contiguous(view: Tensor) -> Tensor:
    """A copy that holds nothing but itself, as a file should."""
    return view.clone(memory_format=torch.contiguous_format)


def is_per_parameter(value: Any, shape: torch.Size) -> bool:
    """Whether an entry of an optimizer's state has one number for each of the parameter."""
    return isinstance(value, Tensor) and value.shape == shape
