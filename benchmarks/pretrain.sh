#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
#
# Train the agents that come with environments (src/shoal/envs/<name>/agent.safetensors), evaluate each over 1,000 new
# episodes and write a line for each into benchmarks/results/agents.jsonl. A minute on two cores:
#
#     benchmarks/pretrain.sh                  # all of them
#     benchmarks/pretrain.sh breakout         # one
#
# The same seed gives the same file on machines with the same instruction set.
set -eu
cd -- "$(dirname -- "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=benchmarks/results/agents.jsonl

# train NAME FLAG...: as far as its schedule goes, and no further.
train() {
  name=$1
  shift
  ./run train "$name" --runs-dir "$work/runs" "$@"
  newest=$(find "$work/runs/$name" -name '0*.safetensors' | sort | tail -n 1)
  cp "$newest" "src/shoal/envs/$name/agent.safetensors"
  row=$(./run eval "$name" --runs-dir "$work/none" --json | tail -n 1)
  touch "$results"
  grep -v "\"env\": \"$name\"" "$results" >"$work/results" || true
  { cat "$work/results"; printf '%s\n' "$row"; } | sort >"$results"
}

for name in ${*:-cartpole pong breakout squared template}; do
  case $name in
    cartpole) train cartpole --seed 1 --steps 2M ;;
    pong) train pong --seed 1 --steps 4M ;;
    breakout) train breakout --seed 1 --steps 25M ;;
    squared) train squared --seed 1 --steps 6M ;;
    template) train template --seed 1 --steps 1M ;;
    *) echo "pretrain.sh: no agent comes with \`$name\`" >&2 && exit 2 ;;
  esac
done
