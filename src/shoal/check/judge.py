# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What a play of a sound environment says about its design: time limits, actions without effect, turns."""

from __future__ import annotations

from shoal.check.play import Played, Player
from shoal.tables import Head

TRIES = 200  # of an action against another, before their likeness says anything
DEADLINE_SHARE, DEADLINE_LEAST = 0.03, 20  # of terminations on the last tick, for it to be a deadline
CLOCK = 0.8  # squared correlation with the tick above which an element of the observation tells the time
IDLE_LOW, IDLE_HIGH, IDLE_LEAST = 0.2, 0.95, 500  # share of states in which an agent's choice does not matter
STAYING = {"stay", "noop", "none", "nothing", "wait", "idle", "pass", "hold", "still"}


def judge(player: Player, played: Played) -> None:
    """Warn of what a play shows of time limits, actions and turns."""
    player.report.ok("time limit", "actions", "turns")
    _time(player, {key: float(value) for key, value in played.one("played").items() if key != "hash"})
    _actions(player, played)
    _dims(player, played)


def _time(player: Player, line: dict[str, float]) -> None:
    report, step = player.report, player.subject.where("step")
    cuts, first, last = line["truncations"], line["truncation_first"], line["truncation_last"]
    if cuts >= 3 and first == last:
        report.warning(
            "time limit",
            f"{step} truncates by itself, always at tick {last:.0f}: leave time limits to the engine (out->max_steps "
            "in spec), which keeps the final observation and can be told another",
        )
    ends, late, tick = line["terminations"], line["terminations_last"], line["termination_last"]
    if tick > 1 and late >= max(DEADLINE_LEAST, DEADLINE_SHARE * ends) and line["clock"] < CLOCK:
        report.warning(
            "time limit",
            f"{step} terminates at tick {tick:.0f} whatever happens ({late:.0f} of {ends:.0f} ends) and no observation "
            "tells the time: leave a time limit to the engine (out->max_steps), or show the time left of a deadline",
        )
    choices, idle = line["choices"], line["idle"]
    if player.spec.agents > 1 and choices >= IDLE_LEAST and IDLE_LOW < idle / choices < IDLE_HIGH:
        report.warning(
            "turns",
            f"{step}: in {idle / choices:.0%} of {choices:.0f} states no action of a live agent changed anything, "
            "though several were legal: one that waits for its turn needs a mask with exactly one legal action",
        )


def _actions(player: Player, played: Played) -> None:
    report, step = player.report, player.subject.where("step")
    pairs = [{key: int(value) for key, value in line.items()} for line in played.lines.get("pair", [])]
    for index, head in enumerate(player.spec.heads):
        mine = [line for line in pairs if line["head"] == index]
        tries = sum(line["tried"] for line in mine)
        if tries >= TRIES and not any(line["differed"] for line in mine):
            report.warning(
                "actions",
                f"{step}: head `{head.name}` does nothing: in {tries} states another action of it led to the same "
                "state, reward and end",
            )
            continue
        for line in mine:
            if line["tried"] >= TRIES and not line["differed"]:
                report.warning(
                    "actions",
                    f"{step}: actions {_named(head, line['first'])} and {_named(head, line['second'])} of head "
                    f"`{head.name}` did the same in all {line['tried']} states: one of them does nothing of its own",
                )
    for line in ({key: int(value) for key, value in line.items()} for line in played.lines.get("still", [])):
        head, action = player.spec.heads[line["head"]], line["action"]
        label = head.labels[action].lower() if action < len(head.labels) else ""
        if line["tried"] >= TRIES and line["still"] == line["tried"] and action > 0 and label not in STAYING:
            report.warning(
                "actions",
                f"{step}: action {_named(head, action)} of head `{head.name}` does nothing: it changed no byte of "
                f"State but the clock in {line['tried']} states",
            )


def _dims(player: Player, played: Played) -> None:
    for line in ({key: int(value) for key, value in line.items()} for line in played.lines.get("dim", [])):
        if line["tried"] >= TRIES and not line["differed"]:
            player.report.warning(
                "actions",
                f"{player.subject.where('step')}: continuous action `{player.spec.dims[line['dim']].name}` does "
                f"nothing: in {line['tried']} states its bounds led to the same state, reward and end",
            )


def _named(head: Head, action: int) -> str:
    return f"{action} `{head.labels[action]}`" if action < len(head.labels) else str(action)
