"""Several processes, one training: what ``torchrun`` started share every batch.

    torchrun --nproc_per_node 2 -m core resume RUN

Every process knows the whole batch and takes its part of it by position, so which image is seen
in which step does not depend on how many there are. Logits are gathered before the loss, which is
therefore that of the whole batch, whatever loss it is. Only the first process writes.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.system.device import pick_device

Shared = TypeVar("Shared")


@dataclass(frozen=True)
class Team:
    """The processes of a training, and which of them this is."""

    rank: int = 0
    """Of this process, from 0."""
    size: int = 1
    """How many there are."""
    control: "dist.ProcessGroup | None" = None
    """Group for words between the processes, on the CPU; None where there is one."""

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def part(self, count: int) -> tuple[int, int]:
        """First and last + 1 of the items that fall to this process: all of them, once, in order.

        Where there are fewer items than processes, the last ones get none.
        """
        return -(-self.rank * count // self.size), -(-(self.rank + 1) * count // self.size)

    def wrap(self, network: nn.Module, *, sync_batch_norm: bool, unused: bool) -> nn.Module:
        """The network with gradients averaged over the processes.

        Args:
            network: On this process's device.
            sync_batch_norm: Whether batch normalization sees the whole batch.
            unused: Whether some weights get no gradient.
        """
        if self.size == 1:
            return network
        if sync_batch_norm:
            network = with_shared_statistics(network)
        return DistributedDataParallel(network, find_unused_parameters=unused)

    def share_statistics(self, network: nn.Module) -> None:
        """Give all processes the first one's running statistics, those that are saved."""
        if self.size > 1:
            for statistic in network.buffers():
                dist.broadcast(statistic, src=0)

    def any(self, *, flag: bool) -> bool:
        """Whether one of the processes requests so; the device is not waited for."""
        if self.size == 1:
            return flag
        votes = torch.tensor(int(flag))
        dist.all_reduce(votes, op=dist.ReduceOp.MAX, group=self.control)
        return bool(votes)

    def all(self, own: Shared) -> list[Shared]:
        """What each process has, by rank."""
        if self.size == 1:
            return [own]
        everyone: list[Shared | None] = [None] * self.size
        dist.all_gather_object(everyone, own, group=self.control)
        return cast("list[Shared]", everyone)

    def gather(self, own: Tensor, count: int) -> Tensor:
        """The whole batch of which each process has its part; only the own part has a gradient.

        Args:
            own: Shape (b, …), the part of this process, at least one row even where it has none.
            count: Rows of the whole batch.
        """
        if self.size == 1:
            return own
        most = -(-count // self.size)
        sent = own.new_zeros(most, *own.shape[1:])
        first, last = self.part(count)
        sent[: last - first] = own.detach()[: last - first]
        received = [torch.empty_like(sent) for _ in range(self.size)]
        dist.all_gather(received, sent)
        rows = []
        for rank, others in enumerate(received):
            first, last = Team(rank, self.size).part(count)
            rows.append(own[: last - first] if rank == self.rank else others[: last - first])
        return torch.cat(rows)


@contextmanager
def joined() -> Iterator[Team]:
    """The team that ``torchrun`` made of this process and others; alone without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    if dist.is_initialized():
        yield Team(dist.get_rank(), size, dist.new_group(backend="gloo"))
        return
    device = pick_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        timeout=timedelta(hours=2),  # one process prepares the data while the others wait
    )
    try:
        yield Team(dist.get_rank(), size, dist.new_group(backend="gloo"))
    finally:
        dist.destroy_process_group()


def from_leader(team: Team, make: Callable[[], Shared]) -> Shared:
    """What the first process makes, for all of them; its error, if it fails, for all of them."""
    made: Shared | None = None
    fault: Exception | None = None
    if team.leads:
        try:
            made = make()
        except Exception as error:  # noqa: BLE001 - raised below, in every process
            fault = error
    made, fault = team.all((made, fault))[0]
    if fault is not None:
        raise fault
    return cast("Shared", made)


_BatchNorm = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - no public base


class SharedBatchNorm(_BatchNorm):
    """Batch normalization over the batch of all processes on the CPU; torch's own knows GPUs alone.

    For images (B, C, H, W) and volumes (B, C, D, H, W) alike.
    """

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - the name is torch's
        assert input.ndim > 2

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, …) in and out."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        across = (0, *range(2, x.ndim))
        pixels = values.new_tensor([values[:, 0].numel()])
        sums = [values.sum(across), values.square().sum(across), pixels]
        # float64: the mean square less the squared mean must not lose the variance
        total: Tensor = _Sum.apply(torch.cat(sums).double())  # type: ignore[no-untyped-call]  # torch's
        channels, count = self.num_features, total[-1]
        mean = (total[:channels] / count).float()
        variance = (total[channels:-1] / count - (total[:channels] / count).square()).float()
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            share = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * (count / (count - 1)).float(), share)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = (variance + self.eps).rsqrt()
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        each = (-1, *(1 for _ in across[1:]))  # one value for all pixels of a channel
        normal: Tensor = values * scale.reshape(each) + shift.reshape(each)
        return normal.to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: object, own: Tensor) -> Tensor:  # noqa: ARG004 - the signature is torch's
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:  # noqa: ARG004 - the same
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def with_shared_statistics(network: nn.Module) -> nn.Module:
    """The network with each batch normalization over all processes, weights as they were."""
    if any(parameter.is_cuda for parameter in network.parameters()):
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]  # torch's
        return converted
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.__class__ = SharedBatchNorm
    return network
