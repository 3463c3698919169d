# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Stable-Baselines3's PPO on an environment of shoal: `./run python examples/sb3_ppo.py [STEPS]`.

It needs `pip install stable-baselines3`. shoal's own learner does the same in a third of a second.
"""

import sys

import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

import shoal.gymnasium

gymnasium.register_envs(shoal.gymnasium)  # importing it did; this says so to readers and tools
torch.set_num_threads(1)  # so small a network is slower with more
steps = int(float(sys.argv[1])) if len(sys.argv) > 1 else 30_000
envs = make_vec_env("shoal/Cartpole-v1", n_envs=8, seed=1)
model = PPO(
    "MlpPolicy",
    envs,
    n_steps=32,
    batch_size=256,
    n_epochs=20,
    gamma=0.98,
    gae_lambda=0.8,
    learning_rate=1e-3,
    ent_coef=0.0,
    seed=1,
    device="cpu",
)  # as the RL Zoo tunes it for CartPole-v1, without its schedules
model.learn(steps)

trained, spread = evaluate_policy(model, Monitor(gymnasium.make("shoal/Cartpole-v1")), n_eval_episodes=10)
print(f"{model.num_timesteps:,} steps, return {trained:.0f} ± {spread:.0f} of 500")
