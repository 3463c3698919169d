# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A network of your own: `./run train cartpole --backend torch --policy examples/torch_policy.py:Remember`.

T steps of B rows come at once: T = 1 in a rollout, T = the segment's length in an update.
"""

import sys

import torch
from torch import nn

import shoal


class Remember(nn.Module):
    """What is seen, and a memory of it. `spec` is the environment's, `config` the run's settings."""

    heads = ("actor", "critic")  # AdamW trains these; Muon every other matrix

    def __init__(self, spec, config):
        super().__init__()
        inputs, hidden = sum(field.size for field in spec.fields), config.policy.hidden
        self.look = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU())
        self.memory = nn.GRUCell(hidden, hidden)
        self.actor = nn.Linear(hidden, sum(head.size for head in spec.heads) + len(spec.dims))
        self.critic = nn.Linear(hidden, 1)
        self.state_size = hidden  # floats of memory for each row

    def forward(self, fields, state, starts):
        """fields: name -> (T, B, *shape); state (B, state_size); starts bool (T, B), a life starts here."""
        seen = self.look(torch.cat([field.flatten(2).float() for field in fields.values()], dim=-1))
        states = []
        for t in range(len(seen)):
            state = self.memory(seen[t], torch.where(starts[t, :, None], 0.0, state))
            states.append(state)
        top = seen + torch.stack(states)
        outputs = self.actor(top)  # (T, B, O): logits of every head, then means
        return outputs, self.critic(top)[..., 0], state  # values (T, B); the state after the last step


if __name__ == "__main__":
    steps = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    policy = {"module": f"{__file__}:Remember", "hidden": 32}
    # cartpole's own settings were found for its own network: this one learns with a shorter horizon.
    train = {"backend": "torch", "total_steps": steps, "gamma": 0.99, "gae_lambda": 0.95}
    trainer = shoal.Trainer("cartpole", seed=1, policy=policy, train=train)
    print(trainer.train().evaluation)
