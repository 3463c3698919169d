#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
#
# Steps to solved of environments of others, with the settings that come with them (src/shoal/outside/configs): one row
# a seed in benchmarks/results/solve-<name>.jsonl. A seed that has a row is not run again, so it goes on where it
# stopped. Arguments choose among the references below; none: all but Atari, which takes hours.
set -eu
cd -- "$(dirname -- "$0")/.."
[ $# -gt 0 ] || set -- gymnasium:CartPole-v1 gymnasium:LunarLander-v3 gymnasium:MiniGrid-DoorKey-6x6-v0 \
  gymnasium:HalfCheetah-v5 gymnasium:Hopper-v5
for reference; do
  ./run bench solve "$reference" --seeds "${SEEDS:-0-2}" </dev/null || echo "not run: $reference"
done
