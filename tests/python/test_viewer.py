# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The viewer without a window: time, interpolation, keys, who plays, tiles and panels."""

from __future__ import annotations

import itertools
import tomllib

import numpy as np
import pytest

import shoal
from shoal import keys, registry, settings_file, viewer, watching
from shoal.players import Choice, PolicyPlayer, RandomPlayer, ScriptedPlayer
from shoal.vector import Vec
from shoal.viewer import SPEEDS, Viewer


def made(name: str = "breakout", **options: object) -> Viewer:
    values = options.pop("values", None)
    spec = registry.get(name).spec(values)  # type: ignore[arg-type]
    return Viewer(spec, RandomPlayer(3), seed=5, **options)  # type: ignore[arg-type]


def field(view: Viewer, name: str = "state") -> np.ndarray:
    return np.array(view.vec.observations[name][view.row])


# ---------------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("name", "values", "rate"),
    [
        ("breakout", {}, 15),
        ("breakout", {"frameskip": 2}, 30),
        ("pong", {}, 7.5),
        ("cartpole", {}, 50),
        ("cartpole", {"time_step": 0.05}, 20),
        ("cartpole", {"time_step": "uniform(0.03, 0.04)"}, 50),  # a pace for all episodes
        ("crowd", {}, 2),
        ("forever", {}, 10),
    ],
)
def test_an_environment_ticks_at_its_own_rate(name: str, values: dict[str, object], rate: float) -> None:
    view = made(name, values=values, copies=2)  # no pause at the end of an episode
    assert view.watching.rate == pytest.approx(rate)
    for _ in range(120):
        view.advance(1 / 60)
    assert view.ticks == pytest.approx(2 * rate, abs=1)


def test_between_two_ticks_the_picture_moves_steadily() -> None:
    view = made()
    view.tick()
    view._alpha = 0.0
    pictures = []
    for _ in range(5):
        pictures.append(view.frame(288, 165))
        view.advance(1 / 60)
    assert view.ticks == 2  # the fifth picture is one of the next tick
    assert all((a != b).any() for a, b in itertools.pairwise(pictures))
    balls = [np.argwhere((picture[40:, :, :3] > 220).all(axis=2)).mean(axis=0)[1] for picture in pictures[:4]]
    steps = np.diff(balls)
    assert np.abs(steps).min() > 0.1
    assert np.abs(steps - steps.mean()).max() < 0.6  # pixels


def test_the_same_calls_give_the_same_pictures() -> None:
    first, second = made("pong", copies=2, columns=2), made("pong", copies=2, columns=2)
    for view in (first, second):
        for _ in range(100):
            view.advance(1 / 30)
    assert (first.frame(200, 100) == second.frame(200, 100)).all()
    assert (made("pong").frame(200, 100) != first.frame(200, 100)).any()


def test_speed_pause_and_single_steps() -> None:
    view = made()
    view.press("space")
    view.advance(1.0)
    assert (view.ticks, view.paused) == (0, True)
    view.press(".")
    view.press(".")
    assert (view.ticks, view.paused) == (2, True)
    view.press("space")
    view.press("+")
    for _ in range(10):
        view.advance(0.1)
    assert view.ticks == pytest.approx(2 + 30, abs=1)
    for _ in range(20):
        view.press("-")
    assert view.speed == SPEEDS[0]


def test_a_slow_machine_plays_slower_instead_of_hanging() -> None:
    view = made("cartpole", copies=2)
    view.advance(3600.0)
    assert view.ticks == viewer.MOST_TICKS
    view.advance(0.0)
    assert view.ticks <= viewer.MOST_TICKS + 1


def test_the_end_of_an_episode_stays_in_view_then_the_next_begins() -> None:
    view = made("cartpole")
    while not view.episodes:
        view.advance(0.02)
    assert view.lingering
    last, ticks, total = field(view), view.ticks, view.returns[0]
    assert abs(last[2]) > 0.2 or abs(last[0]) > 2.4  # as it fell
    view.advance(viewer.LINGER / 2)
    assert (view.ticks, view.returns[0]) == (ticks, total)
    view.advance(viewer.LINGER)
    view.advance(0.02)
    view.advance(0.02)
    assert not view.lingering
    assert np.abs(field(view)).max() < 1.0
    assert view.returns[0] < total
    assert view.stats.lives == 1
    assert view.stats.mean("score") == total


def test_restart_begins_again() -> None:
    view = made("cartpole")
    for _ in range(10):
        view.tick()
    view.press("r")
    assert np.abs(field(view)).max() < 0.05
    assert view.returns[0] == 0


# ---------------------------------------------------------------------------------------------------- who plays


def test_a_key_takes_over_from_the_agent_while_it_is_held() -> None:
    view = made("breakout")
    view.player = Fixed(view.vec, 2)  # to the right
    start = field(view)[0]
    for _ in range(3):
        view.tick()
    assert field(view)[0] > start
    view.held = ["left"]
    view.tick()
    before = field(view)[0]
    view.tick()
    assert field(view)[0] < before
    assert "you" in view.status()
    view.held = []
    view.tick()
    assert view.choice is not None
    assert view.choice.discrete[0, 0] == 2


def test_a_short_press_counts_for_one_tick() -> None:
    view = made("breakout", human=True)
    view.press("a")  # stands for left
    assert not view.paused  # play begins with a key
    view.tick()
    assert view.choice is not None
    assert view.choice.discrete[0, 0] == 1
    view.tick()
    assert view.choice.discrete[0, 0] == 0


def test_a_person_plays_the_agent_that_is_followed_and_no_other() -> None:
    view = made("crowd", copies=2, human=True)
    view.player = Fixed(view.vec, 0)
    view.press("tab")
    view.press("c")
    assert view.row == view.spec.agents + 1
    view.held = ["1"]
    view.tick()
    assert view.choice is not None
    assert np.flatnonzero(view.choice.discrete[:, 0]).tolist() == [view.row]
    assert "agent 2/16" in view.status()
    assert "copy 2/2" in view.status()


def test_a_turn_waits_for_a_key() -> None:
    view = made("template", human=True)
    view.press("right")
    for _ in range(60):
        view.advance(1 / 30)
    assert view.ticks == 1
    watched = made("template")
    for _ in range(60):
        watched.advance(1 / 30)
    assert watched.ticks > 5  # an agent's turn does not


def test_random_players_choose_legal_actions_evenly() -> None:
    view = made("masked", copies=8)
    seen = np.zeros(16)
    for _ in range(50):
        masks = view.vec.masks["door"].copy()
        choice = view.player.choose(view.vec)
        assert (masks[np.arange(8), choice.discrete[:, 0]] != 0).all()
        np.add.at(seen, choice.discrete[:, 0], 1)
        view.tick()
    assert 0.4 < seen[0] / seen.sum() < 0.6  # the trap is one of two
    wide = RandomPlayer(1).choose(made("mixed", copies=500).vec)
    assert (np.abs(wide.continuous) <= 1).all()
    assert np.abs(wide.continuous.mean()) < 0.1


def test_scripted_players_play_well_and_say_where_there_is_none() -> None:
    spec = registry.get("cartpole").spec()
    view = Viewer(spec, ScriptedPlayer(spec.env), seed=1)
    for _ in range(200):
        view.tick()
    assert view.returns[0] == 200
    with pytest.raises(shoal.ConfigError, match="`forever` has no scripted player"):
        ScriptedPlayer(registry.get("forever"))


def test_a_policy_player_acts_as_the_policy_does_and_keeps_its_memory() -> None:
    settings = shoal.Trainer("recall", runs_dir=None, policy={"hidden": 8}, vec={"num_envs": 8}).policy
    vec, twin = (shoal.make_vec("recall", 4, seed=1) for _ in range(2))
    player, state = PolicyPlayer(settings, seed=9), None
    chosen: list[Choice] = []
    for _ in range(12):  # two episodes and more
        chosen.append(player.choose(vec))
        vec.step(chosen[-1].discrete)
    settings.seed, settings.clock = 9, 0
    for choice in chosen:
        logits = np.zeros((4, settings.outputs), np.float32)
        discrete, _, state = settings.act(twin.rows, state, mask=twin.mask_rows, starts=twin.starts, logits=logits)
        assert (discrete == choice.discrete).all()
        assert (logits == choice.logits).all()
        twin.step(discrete)
    assert chosen[0].values is not None
    assert np.ptp(chosen[0].values) >= 0


# ---------------------------------------------------------------------------------------------------- keys


def test_keys_are_derived_from_the_names_of_actions() -> None:
    assert keys.of(registry.get("squared").spec(), {}).lines() == [
        "down: move down",
        "up: move up",
        "left: move left",
        "right: move right",
    ]
    mixed = keys.of(registry.get("mixed").spec(), {})
    assert mixed.choose(["2", "x", "right", "down"])[0].tolist() == [1, 1]
    assert mixed.choose(["2", "x", "right", "down"])[1].tolist() == [1.0, -1.0]
    assert mixed.choose(["left", "right"])[1].tolist() == [0.0, 0.0]


def test_a_table_serves_discrete_and_continuous_actions() -> None:
    for action, left in (("discrete", ([0], [])), ("continuous", ([], [-1.0]))):
        table = watching.of(registry.get("cartpole").spec({"action": action})).keys
        discrete, continuous = table.choose(["left"])
        assert (discrete.tolist(), continuous.tolist()) == left
        assert table.known("a") == "left"
        assert table.known("x") == ""
    rest = watching.of(registry.get("cartpole").spec()).keys
    assert [rest.choose([], tick)[0][0] for tick in range(4)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"lft": "move=left"}, "no key is called `lft`.*\n.*did you mean `left`"),
        ({"left": "move=lft"}, "`move` has no action `lft`.*\n.*did you mean `left`"),
        ({"left": "move"}, "expected an action and its value"),
        ({"left": 3}, "wrong type: left=3"),
    ],
)
def test_a_wrong_table_is_one_sentence(table: dict[str, object], problem: str) -> None:
    with pytest.raises(shoal.ConfigError, match=problem):
        keys.of(registry.get("breakout").spec(), table, "breakout.toml")


@pytest.mark.parametrize("name", registry.names())
def test_every_environment_can_be_watched_and_played(name: str) -> None:
    view = made(name, human=True)
    table = view.watching.keys
    assert table.effects
    used = {effect.index for effects in table.effects.values() for effect in effects if effect.actions}
    assert used == set(range(len(view.spec.heads)))
    view.held = [next(key for key in table.effects if key != keys.REST)]
    view.press(view.held[0])
    view.overlay = view.help = True
    for _ in range(5):
        view.advance(0.2)
    assert view.ticks
    assert np.ptp(view.frame(320, 200)[..., :3]) > 100
    assert view.vec.stats().bad_actions == 0


# ---------------------------------------------------------------------------------------------------- pictures


def test_tiles_show_every_copy_apart() -> None:
    view = made("breakout", copies=6, columns=3)
    for _ in range(20):
        view.tick()
    image = view.frame(302, 200)
    tiles = [image[top : top + 99, left : left + 99] for top in (0, 101) for left in (0, 101, 203)]
    assert len({tile.tobytes() for tile in tiles}) == 6
    alone = made("breakout", copies=6)
    alone._follow(4, 0)
    for _ in range(20):
        alone.tick()
    assert (alone.frame(*tiles[4].shape[1::-1]) == tiles[4]).all()


def test_the_panel_shows_probabilities_and_values() -> None:
    policy = shoal.Trainer("breakout", runs_dir=None, vec={"num_envs": 8}).policy
    view = Viewer(policy.spec, PolicyPlayer(policy), seed=2)
    without = view.frame(576, 330)
    view.press("o")
    for _ in range(30):
        view.tick()
    chosen = view.chosen()
    assert np.asarray(chosen["probabilities"]).sum() == pytest.approx(1.0)
    assert len(np.asarray(chosen["values"])) == 30
    panel = view.frame(576, 330)[:, -172:]
    assert (panel != without[:, -172:]).any()
    assert (view.frame(576, 330, panel=False)[:, -172:] != panel).any()
    small = view.frame(200, 100)  # has no room for a panel
    view.press("o")
    assert (view.frame(200, 100) == small).all()


def test_help_and_status_are_drawn_over_the_picture() -> None:
    view = made("breakout")
    plain = view.frame(400, 300)
    view.press("?")
    assert (view.frame(400, 300) != plain).sum() > 5000
    view.press("h")
    with_status = view.frame(400, 300, status="hello")
    assert np.ptp(with_status[-viewer.STATUS :, :60, :3]) > 100


@pytest.mark.parametrize(
    ("text", "problem"),
    [("rate = 0", "out of range: rate=0"), ("rte = 3", "expected rate, per"), ("per = 'x'", r"per \(a parameter\)")],
)
def test_a_wrong_watch_section_is_one_sentence(text: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_file, "read_toml", lambda _: {"watch": tomllib.loads(text)})
    with pytest.raises(shoal.ConfigError, match=problem):
        watching.of(registry.get("breakout").spec())


class Fixed:
    """Always the same action."""

    name = "fixed"

    def __init__(self, vec: Vec, action: int) -> None:
        self._choice = Choice(np.full_like(vec.discrete, action), np.zeros_like(vec.continuous))

    def choose(self, vec: Vec) -> Choice:
        return self._choice
