#!/bin/sh
# SPDX-License-Identifier: MIT
# The ablations that docs/LOG.md reports: one default changed at a time, untuned, steps to solved. Resumable: a seed
# that has a row is not run again. Steps do not depend on threads, so two single-threaded runs share two cores.
#
#   benchmarks/ablations.sh "0-9" cartpole recall mixed pong      # seeds, environments
#   ./run python benchmarks/table.py benchmarks/results/ablations/*.jsonl
set -eu
cd "$(dirname "$0")/.."
seeds=$1
shift
for environment in "$@"; do
  (
    while read -r change; do
      # shellcheck disable=SC2086  # a line holds several assignments
      ./run bench solve "$environment" --untuned --threads 1 --seeds "$seeds" --results benchmarks/results/ablations \
        --set $change </dev/null
    done <<'CHANGES'
train.replay_ratio=1
policy.normalize=false
train.normalize_reward=past
train.normalize_reward=off
train.advantage=single
policy.gate_bias=zero
train.muon_heads=true
train.muon_fused_gates=true
train.replay_ratio=2
train.replay_ratio=4
train.gae_lambda=0.95
train.gamma=0.995
train.ent_coef=0.02
train.horizon=64 train.gae_lambda=0.95 train.ent_coef=0.005 train.adam_ratio=0.1 train.normalize_reward=past
CHANGES
  )
done
