# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""PPO in one file, in the style of CleanRL, on `vec.step`: `./run python examples/torch_loop.py [steps]`."""

import sys

import torch
from torch import nn
from torch.distributions import Categorical

import shoal

steps = int(float(sys.argv[1])) if len(sys.argv) > 1 else 100_000
N, T, gamma, lam = 32, 32, 0.98, 0.9
torch.manual_seed(1)
torch.set_num_threads(1)  # such small tensors are not worth a second one
vec = shoal.make_vec("cartpole", num_envs=N, seed=1, final_rows="all")
body = [nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()]
actor, critic = nn.Sequential(*body, nn.Linear(64, 2)), nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=3e-3)


def see(observations):
    """Return a copy: the arrays of a Vec are the same ones at every step."""
    return torch.from_numpy(observations["state"].copy())


for update in range(steps // (N * T)):
    # COLLECT
    obs, actions, log_probs = torch.zeros(T + 1, N, 4), torch.zeros(T, N, dtype=torch.long), torch.zeros(T, N)
    rewards, dones, nexts = torch.zeros(T, N), torch.zeros(T, N), torch.zeros(T, N)
    obs[0] = see(vec.observations)
    for t in range(T):
        with torch.no_grad():
            policy = Categorical(logits=actor(obs[t]))
            actions[t] = policy.sample()
            log_probs[t] = policy.log_prob(actions[t])
            observations, reward, terminated, truncated = vec.step(actions[t].int().numpy())
            obs[t + 1], done = see(observations), torch.from_numpy(terminated | truncated)
            rewards[t], dones[t] = torch.from_numpy(reward), done.float()
            last = torch.where(done[:, None], see(vec.final_observations), obs[t + 1])
            nexts[t] = critic(last)[:, 0] * torch.from_numpy(~terminated).float()
    # ADVANTAGE
    with torch.no_grad():
        values, advantages, carried = critic(obs[:-1])[..., 0], torch.zeros(T, N), torch.zeros(N)
        for t in reversed(range(T)):
            carried = rewards[t] + gamma * nexts[t] - values[t] + gamma * lam * (1 - dones[t]) * carried
            advantages[t] = carried
    flat = [x.flatten(0, 1) for x in (obs[:-1], actions, log_probs, advantages, advantages + values)]
    # UPDATE
    for index in (part for _ in range(4) for part in torch.randperm(N * T).chunk(4)):
        o, a, old, adv, target = (x[index] for x in flat)
        policy, adv = Categorical(logits=actor(o)), (adv - adv.mean()) / (adv.std() + 1e-8)
        ratio = (policy.log_prob(a) - old).exp()
        loss = torch.max(-adv * ratio, -adv * ratio.clamp(0.8, 1.2)).mean() - 0.01 * policy.entropy().mean()
        optimizer.zero_grad()
        (loss + 0.5 * (critic(o)[:, 0] - target).square().mean()).backward()
        optimizer.step()
    stats = vec.stats()
    print(f"{(update + 1) * N * T:>8,} steps  return {stats.mean('episode_return'):6.1f}  lives {stats.lives}")
