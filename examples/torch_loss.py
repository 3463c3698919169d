# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A term of your own in the loss: `./run python examples/torch_loss.py [environment] [steps]`.

The policy also predicts what it will see next, from what it sees and does; the error is added to the loss.
"""

import sys

import torch
from torch import nn
from torch.nn import functional

import shoal


class Foresight(nn.Module):
    """An mlp whose hidden layer must also foretell the next observation."""

    heads = ("actor", "critic", "foretell")

    def __init__(self, spec, config):
        super().__init__()
        self.inputs, hidden = sum(field.size for field in spec.fields), config.policy.hidden
        self.actions = spec.heads[0].size
        self.body = nn.Sequential(nn.Linear(self.inputs, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.actor, self.critic = nn.Linear(hidden, self.actions), nn.Linear(hidden, 1)
        self.foretell = nn.Linear(hidden + self.actions, self.inputs)

    def forward(self, fields, state, starts):
        """Return outputs (T, B, O), values (T, B) and the state, which is empty here."""
        self.seen = torch.cat([field.flatten(2).float() for field in fields.values()], dim=-1)
        self.hidden = self.body(self.seen)
        return self.actor(self.hidden), self.critic(self.hidden)[..., 0], state

    def extra_loss(self, batch):
        """What is added to the loss of a minibatch, right after its forward pass (shoal.torch.loss.Batch)."""
        action = functional.one_hot(batch.discrete[:-1, :, 0].long(), self.actions).float()
        foretold = self.foretell(torch.cat([self.hidden[:-1], action], dim=-1))
        same_life = (~batch.starts[1:])[..., None]
        return 0.1 * ((foretold - self.seen[1:]).square() * same_life).mean()


if __name__ == "__main__":
    env = sys.argv[1] if len(sys.argv) > 1 else "cartpole"
    steps = int(float(sys.argv[2])) if len(sys.argv) > 2 else 1_000_000
    policy = {"module": f"{__file__}:Foresight", "hidden": 32}
    trainer = shoal.Trainer(env, seed=1, policy=policy, train={"backend": "torch", "total_steps": steps})
    print(trainer.train().evaluation)
