# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Faults to plant in herd.h: what is replaced by what, the rule that it breaks, and words of the sentence about it."""

from dataclasses import dataclass
from pathlib import Path

HERD = Path(__file__).with_name("herd.h")

MEMBERS = "  int32_t spare;  // keeps the size a multiple of 8\n"
AFTER_STATE = "} HerdState;\n"
MOVED = "    int32_t move = (discrete[a] == 2) - (discrete[a] == 1);\n"
REWARD = "    result->reward[a] = reached ? 1.0f : -cost;\n"
RESTING = "    if (state->resting[a] > 0) {\n"
TIME_LEFT = "  out[2] = 1.0f - (float)shoal_mini((int32_t)state->head.tick, 50) / 50.0f;\n"
PLACE = "  out[0] = (float)state->cell[agent] / (float)HERD_CELLS;\n"
MASK = "  mask[0] = 1;\n"
REACHED = "    int32_t reached = state->cell[a] == state->pasture;\n"
RESET = "  (void)shared;\n  state->pasture"
HELPER = "SHOAL_FN int32_t herd_random_cell"


@dataclass(frozen=True)
class Fault:
    rule: str
    words: tuple[str, ...]
    patches: tuple[tuple[str, str], ...]
    level: str = "violation"

    def plant(self, folder: Path) -> Path:
        """Write the patched environment into a folder and return it."""
        text = HERD.read_text(encoding="utf-8")
        for old, new in self.patches:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        home = folder / "herd"
        home.mkdir(exist_ok=True)
        (home / "herd.h").write_text(text, encoding="utf-8")
        return home


def fault(rule, words, *patches, level="violation"):
    return Fault(rule, tuple(words.split("|")), patches, level)


PLAIN = {  # what a header shows without being run
    "pointer": fault("data", "HerdState.favourite (herd.h:|pointer", (MEMBERS, MEMBERS + "  int32_t *favourite;\n")),
    "padding": fault("data", "HerdState has 4 bytes of padding after pasture (herd.h:", (MEMBERS, "")),
    "padding_between": fault(
        "data",
        "HerdState has 3 bytes of padding before spare (herd.h:",
        (MEMBERS, "  uint8_t dusk;\n  int32_t spare, more;\n"),
    ),
    "enum": fault(
        "data",
        "HerdState.spare|enum",
        (MEMBERS, "  HerdMood spare;\n"),
        ("typedef struct {\n  ShoalHead", "typedef enum { CALM, WILD } HerdMood;\n\ntypedef struct {\n  ShoalHead"),
    ),
    "bit_field": fault("data", "HerdState.spare|bit-field", (MEMBERS, "  uint32_t spare : 5;\n")),
    "loose_type": fault("data", "HerdState.spare|`long`", (MEMBERS, "  int32_t more; long spare;\n")),
    "include": fault(
        "header", 'herd.h:15 includes "stdint.h"', ('"shoal/env.h"\n', '"shoal/env.h"\n#include "stdint.h"\n')
    ),
    "table": fault(
        "header",
        "`herd_costs`|SHOAL_TABLE",
        (HELPER, f"static const float herd_costs[2] = {{0.01f, 0.02f}};\n{HELPER}"),
    ),
    "global": fault(
        "code",
        "`herd_steps` (herd.h:|global variable",
        (HELPER, f"static int32_t herd_steps;\n{HELPER}"),
        (REWARD, REWARD + "    herd_steps++;\n"),
    ),
    "recursion": fault(
        "code",
        "herd_random_cell (herd.h)|calls itself",
        (
            "  return cell + (cell >= state->pasture);\n",
            "  return cell == state->pasture ? herd_random_cell(state) : cell;\n",
        ),
    ),
    "function_pointer": fault(
        "code",
        "herd_step calls a function pointer at herd.h:",
        (MOVED, MOVED + "    int32_t (*volatile random)(HerdState *) = herd_random_cell;\n    (void)random(state);\n"),
    ),
    "big_locals": fault(
        "code",
        "herd_step (herd.h:|bytes of locals; expected at most 4096",
        (MOVED, MOVED + "    volatile float scratch[2000];\n    scratch[a] = 0.0f;\n"),
    ),
    "cpp": fault("c++17", "herd.h is not C++17: herd.h:", ("  float *out = (float *)row;\n", "  float *out = row;\n")),
}

PLAYED = {  # what a played episode shows
    "past_the_mask": fault(
        "memory", "past the end of the action mask (3 bytes)|herd_observe (herd.h:", (MASK, MASK + "  mask[3] = 1;\n")
    ),
    "past_the_rewards": fault(
        "memory",
        "past the end of result->reward|herd_step (herd.h:",
        (MOVED, MOVED + "    result->reward[params->agents] = 0.0f;\n"),
    ),
    "past_a_member": fault(
        "memory",
        "index 8 out of bounds|herd.h:|herd_step",
        (MOVED, MOVED + "    state->cell[params->agents + 5] = 0;\n"),
    ),
    "unwritten_field": fault("written", "herd_observe (herd.h:|does not write time_left", (TIME_LEFT, "")),
    "unwritten_padding": fault("written", "byte 13 of the row", ("  ground[1] = ground[2] = ground[3] = 0;\n", "")),
    "unwritten_mask": fault("written", "action 0 of head `walk` of the mask", (MASK, "")),
    "unwritten_shared": fault(
        "written",
        "herd_shared (herd.h:|Shared.ground[11]",
        ("i < HERD_CELLS; i++) { shared", "i < HERD_CELLS - 1; i++) { shared"),
    ),
    "nan_reward": fault(
        "rewards",
        "herd_step (herd.h:|result->reward[|nan",
        (REWARD, REWARD + "    result->reward[a] += shoal_sqrt((float)state->cell[a] - 3.0f);\n"),
    ),
    "outside_field": fault(
        "observations", "herd_observe (herd.h:|place[0] = |0 to 1", (PLACE, PLACE + "  out[0] *= 1.5f;\n")
    ),
    "zero_mask": fault(
        "masks",
        "herd_observe (herd.h:|head `walk`|all zero",
        (MASK, "  if (state->cell[agent] == 4) {\n    mask[0] = mask[1] = mask[2] = 0;\n    return;\n  }\n" + MASK),
    ),
    "absent_acts": fault(
        "absent",
        "herd_step (herd.h:|State.cell[|agent",
        (MOVED, ""),
        (
            RESTING,
            MOVED.replace("    int32_t", "    int32_t", 1)
            + "    if (state->resting[a] > 1) { state->cell[a] += move; }\n"
            + RESTING,
        ),
    ),
    "leaves_silently": fault(
        "leaving", "herd_live (herd.h:|no flag", ("      result->ended[a] = SHOAL_TERMINATED;\n", "")
    ),
    "perf_above_one": fault(
        "metrics",
        "metric `perf` at 3",
        ("metrics[a].perf = (float)reached;", "metrics[a].perf = 3.0f * (float)reached;"),
    ),
    "observe_writes": fault(
        "reads", "herd_observe (herd.h:|State.spare", (PLACE, PLACE + "  ((HerdState *)state)->spare++;\n")
    ),
    "turns_back_the_clock": fault(
        "head",
        "herd_step (herd.h:|State.head.tick",
        (REACHED, "    if (state->head.tick == 40) { state->head.tick = 0; }\n" + REACHED),
    ),
    "end_of_range": fault(
        "parameters",
        "result->reward|with mud_cost = 0",
        (REWARD, REWARD + "    result->reward[a] -= 1e-9f * shoal_log(params->mud_cost) / params->mud_cost;\n"),
    ),
}

COMPILED = {  # what only other builds, the engine or the sanitizers' stack show
    "hangs": fault(
        "returns",
        "herd_step (herd.h:|did not return",
        (
            REACHED,
            "    while (state->cell[a] == 7 && params->agents) { shared->ground[0] ? (void)0 : (void)0; }\n" + REACHED,
        ),
    ),
    "unset_local": fault(
        "initialised",
        "herd.h|never set|result->reward at step ",
        (REACHED, "    float bonus;\n    if (state->head.tick > 5) { bonus = 0.5f; }\n" + REACHED),
        (REWARD, REWARD + "    result->reward[a] += bonus;\n"),
    ),
    "threads": fault(
        "threads",
        "herd: |other bytes than one thread",
        (HELPER, f"static int32_t herd_steps;\n{HELPER}"),
        (REWARD, REWARD + "    result->reward[a] += (float)(++herd_steps & 7);\n"),
    ),
    "snapshot": fault(
        "snapshot",
        "after a snapshot was restored",
        (HELPER, f"static int32_t herd_steps;\n{HELPER}"),
        (REWARD, REWARD + "    result->reward[a] += (float)(++herd_steps % 1000003);\n"),
    ),
    "never_ends": fault(
        "ends",
        "herd: no episode ended|1,073,741,824 steps",
        ("  out->max_steps = 50;\n", "  out->max_steps = 1 << 30;\n"),
        ("      result->ended[a] = SHOAL_TERMINATED;\n      state->resting[a] = 5;\n", ""),
    ),
    "spec_depends": fault(
        "spec",
        "VALUE parameter mud_cost",
        ("  out->max_steps = 50;\n", "  out->max_steps = params->mud_cost > 0.5f ? 60 : 50;\n"),
    ),
    "does_not_compile": fault(
        "compiles", "does not compile|herd.h:|`price`", (REWARD, REWARD.replace("cost", "price"))
    ),
    "calls_outside": fault(
        "compiles",
        "calls `rand`|herd.h:",
        (HELPER, f"int rand(void);\n{HELPER}"),
        (REWARD, REWARD + "    state->spare = rand();\n"),
    ),
}

DESIGN = {  # what the contract allows but nobody wants
    "truncates": fault(
        "time limit",
        "herd_step (herd.h:|truncates by itself, always at tick 30",
        (REACHED, "    if (state->head.tick == 30) { *result->over = 1; }\n" + REACHED),
        level="warning",
    ),
    "deadline": fault(
        "time limit",
        "herd_step (herd.h:|terminates at tick 30 whatever happens",
        (
            RESTING,
            "    if (state->head.tick == 30) {\n      result->ended[a] = SHOAL_TERMINATED;\n      *result->over = 1;\n    }\n" + RESTING,
        ),
        (TIME_LEFT, "  out[2] = 0.5f;\n"),
        level="warning",
    ),
    "dead_action": fault(
        "actions",
        "herd_step (herd.h:|actions 0 `stay` and 3 `jump`",
        ('"walk", 3, 1, "stay|left|right"', '"walk", 4, 1, "stay|left|right|jump"'),
        (MASK, MASK + "  mask[3] = 1;\n"),
        level="warning",
    ),
    "dead_head": fault("actions", "head `walk` does nothing", (MOVED, "    int32_t move = (int32_t)(state->head.tick & 1);\n"), level="warning"),
    "turns": fault(
        "turns",
        "waits for its turn",
        (MOVED, MOVED + "    if ((int32_t)state->head.tick % params->agents != a) { move = 0; }\n"),
        level="warning",
    ),
    "large_rewards": fault("scale", "herd_step gives rewards of size 1e+06", (REWARD, REWARD + "    result->reward[a] *= 1e6f;\n"), level="warning"),
    "far_from_zero": fault(
        "scale",
        "field `time_left`[0] hardly varies about 1000",
        (TIME_LEFT, TIME_LEFT + "  out[2] += 1000.0f;\n"),
        ('"time_left", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 0.0f, 1.0f', '"time_left", SHOAL_KIND_VECTOR, SHOAL_F32, 1, 1, 1, 0, 0.0f, 1001.0f'),
        level="warning",
    ),
    "constant_field": fault("scale", "field `time_left` never changed", (TIME_LEFT, "  out[2] = 0.0f;\n"), level="warning"),
    "no_reward": fault("rewards vary", "gave no reward", (REWARD, "    (void)cost;\n"), level="warning"),
    "unsorted": fault(
        "entities",
        "the 4 rows of vector `others`",
        ('  shoal_field(out, "ground"', '  shoal_field(out, "others", SHOAL_KIND_VECTOR, SHOAL_F32, 4, 2, 1, 0, 0.0f, 1.0f, "");\n  shoal_field(out, "ground"'),
        ("  uint8_t *ground = (uint8_t *)row + 12;\n", "  uint8_t *ground = (uint8_t *)row + 44;\n  for (int32_t i = 0; i < 8; i++) { out[3 + i] = shoal_uniform_of(shoal_random_at(&state->head, (uint32_t)i)); }\n"),
        level="warning",
    ),
}  # fmt: skip

TRAINED = {  # what a few seconds of training show
    "nothing_to_see": fault(
        "learning",
        "nothing was learnt|herd_observe",
        (REWARD, "    result->reward[a] = (shoal_random(&state->head) >> 63) == (uint64_t)(discrete[a] & 1) ? 1.0f : -1.0f;\n    (void)cost;\n"),
        ("metrics[a].perf = (float)reached;", "metrics[a].perf = 0.5f;"),
        level="warning",
    ),
}  # fmt: skip
