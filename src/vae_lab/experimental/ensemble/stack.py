"""Stack the parameters and buffers of several modules of the same structure."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Stacked parameters and buffers; the members' own are views of them.

    Matrices are stored transposed. So the batched product returns the gradient of a layer's weights in the layout of
    the storage, and it is not copied, which saves a fifth of the time of a step of the default network on the CPU.

    Args:
        members: N modules with parameters and buffers of the same names and shapes.

    Attributes:
        names: the names of the parameters.
        buffer_names: the names of the buffers that are saved; others are constants, the same for all members.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self._members = tuple(members)  # a tuple, so that they are not registered and no parameter counts twice
        first = members[0]
        self.names = [name for name, _ in first.named_parameters()]
        saved = first.state_dict()
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
        """The device of the parameters."""
        return next(self.parameters()).device

    def __len__(self) -> int:
        return len(self._members)

    def named_stacks(self) -> dict[str, Tensor]:
        """Return the parameters by the members' names, of shape (N, *shape)."""
        return {name: transpose_matrices(self.get_parameter(key(name))) for name in self.names}

    def named_buffer_stacks(self) -> dict[str, Tensor]:
        """Return the buffers by the members' names, of shape (N, *shape)."""
        return {name: self.get_buffer(key(name)) for name in self.buffer_names}

    def replace_buffers(self, stacks: dict[str, Tensor]) -> None:
        """Replace the buffers by those that a step returned."""
        for name in self.buffer_names:
            self.register_buffer(key(name), stacks[name].detach())

    @torch.no_grad()
    def link(self) -> None:
        """Make the members' tensors views of the stacked ones; needed again after these were moved or replaced."""
        parameters, buffers = self.named_stacks(), self.named_buffer_stacks()
        for number, member in enumerate(self._members):
            for name, parameter in member.named_parameters():
                parameter.data = parameters[name].data[number]
            for name, buffer in member.named_buffers():
                buffer.data = buffers[name].data[number] if name in buffers else buffer.to(self.device)

    def gradients(self, loss: Tensor) -> list[Tensor | None]:
        """Return the gradients of a scalar loss, (N, *shape) for each trained parameter; None for an unused one."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        return [None if gradient is None else transpose_matrices(gradient) for gradient in gradients]

    def split_optimizer(self, state: dict[str, Any], member: int) -> dict[str, Any]:
        """Return the state of a member's optimizer, from the state of the stack's optimizer."""

        def split(position: int, value: Any) -> Any:
            shape = self.get_parameter(key(self.names[position])).shape
            return contiguous_copy(transpose_matrices(value)[member]) if is_per_parameter(value, shape) else value

        states = {k: {name: split(k, value) for name, value in each.items()} for k, each in state["state"].items()}
        return {**state, "state": states}

    def join_optimizers(self, states: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the state of the stack's optimizer, from the states of the members' optimizers."""
        first = states[0]

        def join(position: int, name: str) -> Any:
            values = [state["state"][position][name] for state in states]
            shape = self._members[0].get_parameter(self.names[position]).shape
            # The number of steps is the same for all members.
            return stack(values) if name != "step" and is_per_parameter(values[0], shape) else values[0]

        together = {k: {name: join(k, name) for name in each} for k, each in first["state"].items()}
        return {**first, "state": together}


def key(name: str) -> str:
    """Return a dotted name without dots, which a module may register."""
    return name.replace(".", "/")


def transpose_matrices(stored: Tensor) -> Tensor:
    """Convert between the members' layout and the stored one: stacked matrices, (N, I, O), are transposed."""
    return stored.transpose(1, 2) if stored.ndim == 3 else stored


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack tensors of the members' layout in the stored layout."""
    return transpose_matrices(torch.stack(list(tensors))).contiguous()


def contiguous_copy(view: Tensor) -> Tensor:
    """Return a contiguous copy, so that a file does not contain the whole stack that a tensor is a view of."""
    return view.clone(memory_format=torch.contiguous_format)


def is_per_parameter(value: Any, shape: torch.Size) -> bool:
    """Return whether an entry of an optimizer's state has one number for each number of the parameter."""
    return isinstance(value, Tensor) and value.shape == shape
