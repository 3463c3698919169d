# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Environments written in Python: Gymnasium's, PettingZoo's, and anybody's who writes an adapter.

    gymnasium.Env ──► adapter_gymnasium.py ┐                       ┌ observations.py: observation space -> row of fields
    ParallelEnv, AECEnv ─► adapter_pettingzoo.py ├─ declaration.py ┤
    an Adapter of yours ──────────────────────┘                    └ actions.py: action space -> heads, dimensions, mask

source.py opens what a reference such as `gymnasium:CartPole-v1` names; options.py holds what a settings file in
configs/ says about it. Nothing here is imported at start, and nothing here needs the native library.
"""
