#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
#
# Train the agents that come with environments (src/shoal/envs/<name>/agent.safetensors), evaluate each over 1,000 new
# episodes and write a line for each into benchmarks/results/agents.jsonl. Twenty minutes on two cores:
#
#     benchmarks/pretrain.sh                  # all of them
#     benchmarks/pretrain.sh breakout         # one
#
# The same seed gives the same weights on machines with the same instruction set.
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
  ./run eval "$name" --runs-dir "$work/none" --json | tail -n 1 >"$work/row"
  ./run python - "$results" "$work/row" "$newest" <<'END'
import json, os, pathlib, sys
from shoal import config
results, row, weights = map(pathlib.Path, sys.argv[1:])
row = json.loads(row.read_text())
metric = config.load(row["env"]).solved.metric
players = [player for player in ("sampled", "greedy", "scripted", "random") if f"{player}_{metric}" in row]
kept = {name: row[name] for name in ("env", "steps", "episodes", "solved", "interval")} | {"metric": metric}
kept |= {player: row[f"{player}_{metric}"] for player in players} | {"bytes": os.path.getsize(weights)}
rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
rows = [other for other in rows if other["env"] != row["env"]] + [kept]
results.write_text("".join(json.dumps(row) + "\n" for row in sorted(rows, key=lambda row: row["env"])))
END
}

for name in ${*:-cartpole pong breakout squared target connect4 snake maze template recall reset masked mixed continuous \
  crowd forever sights}; do
  case $name in
    cartpole) train cartpole --seed 1 --steps 2M ;;
    pong) train pong --seed 1 --steps 4M ;;
    breakout) train breakout --seed 1 --steps 25M ;;
    squared) train squared --seed 1 --steps 12M --policy.hidden 60 ;;  # 60: the file is to be small
    target) train target --seed 1 --steps 6M ;;
    connect4) train connect4 --seed 1 --steps 85M ;;
    maze) train maze --seed 1 --steps 200M --policy.hidden 56 ;;  # 56: as above
    snake) train snake --seed 1 --steps 200M --policy.hidden 36 ;;  # 36: as above
    template) train template --seed 1 --steps 2M --vec.num-envs 256 --policy.core mlp --policy.hidden 32 ;;
    # The probes: a small network, so that the file is.
    recall | masked | continuous | crowd | forever)
      train "$name" --seed 1 --steps 2M --policy.hidden 16 --policy.layers 1 ;;
    reset | mixed) train "$name" --seed 1 --steps 6M --policy.hidden 32 --policy.layers 1 ;;
    sights) train sights --seed 1 --policy.hidden 32 --policy.layers 1 ;;
    *) echo "pretrain.sh: no agent comes with \`$name\`" >&2 && exit 2 ;;
  esac
done
