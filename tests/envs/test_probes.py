# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The probes by hand: what each shows, asks and pays, and what chance and knowledge reach."""

import numpy as np
import pytest
from env_states import scripted_stats, states

import shoal
from shoal import config

THRESHOLDS = {
    "recall": 0.95,
    "reset": 0.95,
    "masked": 0.95,
    "mixed": 0.9,
    "continuous": 0.85,
    "crowd": 0.95,
    "sights": 0.93,
}
BOTH = np.array([0, 1])  # the two answers, one for each of two environments


def random_stats(name, steps=600, num_envs=64):
    """Return the statistics of random legal actions."""
    rng = np.random.default_rng(1)
    with shoal.make_vec(name, num_envs, seed=4) as vec:
        for _ in range(steps):
            for h, head in enumerate(vec.spec.heads):
                odds = rng.random((vec.num_rows, head.size))
                vec.discrete[:, h] = (odds * vec.masks[head.name] if head.masked else odds).argmax(axis=1)
            vec.continuous[:] = rng.uniform(-1, 1, vec.continuous.shape)
            vec.step()
        return vec.stats()


@pytest.mark.parametrize("name", THRESHOLDS)
def test_probe_scripted_player_is_perfect(name):
    stats = scripted_stats(name, 64, 600)
    assert stats.lives > 100
    assert stats.mean("perf") == 1.0


@pytest.mark.parametrize("name", THRESHOLDS)
def test_probe_random_player_stays_far_below_the_threshold(name):
    stats = random_stats(name)
    assert stats.lives > 100
    assert stats.mean("perf") < THRESHOLDS[name] - 0.3
    assert stats.bad_actions == 0


@pytest.mark.parametrize("name", [*THRESHOLDS, "forever"])
def test_probe_states_its_threshold_and_budget(name):
    settings = config.load(name)
    assert settings.train.total_steps == 5_000_000
    assert settings.solved.threshold == THRESHOLDS.get(name)  # forever has none: its value is what counts


# ---------------------------------------------------------------------------------------------------- recall


@pytest.mark.parametrize("delay", [1, 3, 8])
def test_recall_shows_the_bit_once_and_asks_after_the_delay(delay):
    with shoal.make_vec("recall", 2, delay=delay) as vec:
        state = states(vec, [("bit", "i4"), ("left", "i4"), ("answer", "i4"), ("unused", "i4")])
        for episode in range(4):
            bit = state["bit"].copy()
            for tick in range(delay + 1):
                shown = np.eye(2, dtype=np.uint8)[bit] if tick == 0 else np.zeros((2, 2), np.uint8)
                assert np.array_equal(vec.observations["bit"], shown)
                assert (vec.observations["asked"] == (tick == delay)).all()
                answer = BOTH if episode % 2 else bit
                _, rewards, terminated, truncated = vec.step(answer)
                last = tick == delay
                assert np.array_equal(rewards, np.where(answer == bit, 1, -1) if last else [0, 0])
                assert (terminated == last).all() and not (truncated & ~terminated).any()


def test_recall_bits_are_fair():
    with shoal.make_vec("recall", 4000) as vec:
        assert abs(vec.observations["bit"][:, 1].mean() - 0.5) < 0.04


# ---------------------------------------------------------------------------------------------------- reset

RESET = [(name, "i4") for name in ("cue", "first", "asked", "answered", "right", "wrong")]


def test_reset_pays_by_answer_and_cue():
    with shoal.make_vec("reset", 4, length=200) as vec:
        state = states(vec, RESET)
        state["cue"], state["asked"] = [0, 0, 1, 1], 1
        assert np.array_equal(vec.step([0, 1, 0, 1])[1], [1, -1, -1, 1])
        state["asked"] = 0
        assert np.array_equal(vec.step([0, 1, 0, 1])[1], [0, 0, 0, 0])


def test_reset_announces_neither_start_nor_end():
    """Rows of a start without a cue, of a last step and of any other are alike: no cue, asked half of the time."""
    with shoal.make_vec("reset", 256, seed=6) as vec:
        first, cue, asked, ended = [], [], [], []
        for _ in range(2000):
            first.append(vec.starts.copy())
            cue.append(vec.observations["cue"][:, 0].copy())
            asked.append(vec.observations["asked"][:, 0].copy())
            _, _, terminated, truncated = vec.step(np.zeros(256, np.int32))
            assert not truncated.any()
            ended.append(terminated.copy())
    first, cue, asked, ended = (np.concatenate(part).astype(bool) for part in (first, cue, asked, ended))
    assert not cue[~first].any()
    assert abs(cue[first].mean() - 0.5) < 0.01
    for rows in (first & cue, first & ~cue, ended, ~first & ~ended):
        assert abs(asked[rows].mean() - 0.5) < 0.02
    for rows in (first & cue, first & ~cue, asked, ~first):
        assert abs(ended[rows].mean() - 1 / 8) < 0.005


def test_reset_perf_is_the_last_question():
    with shoal.make_vec("reset", 512, seed=2) as vec:
        last, perf, lives = np.ones(512), 0.0, 0
        for step in range(300):
            state = states(vec, RESET)
            answer = np.full(512, step & 1)
            last = np.where(state["asked"] == 1, answer == state["cue"], last)
            ended = vec.step(answer)[2]
            perf, lives = perf + last[ended].sum(), lives + ended.sum()
            last[ended] = 1
        stats = vec.stats()
    assert stats.lives == lives > 1000
    assert stats.mean("perf") == pytest.approx(perf / lives)


# ---------------------------------------------------------------------------------------------------- forever


def test_forever_only_truncates_at_random_and_pays_one():
    with shoal.make_vec("forever", 256, seed=3) as vec:
        ends = []
        for _ in range(2000):
            _, rewards, terminated, truncated = vec.step(np.zeros(256, np.int32))
            assert (rewards == 1).all() and not terminated.any()
            final, fresh = vec.final_observations["level"][truncated], vec.observations["level"][truncated]
            assert (final != fresh).any() or not truncated.any()
            assert (np.abs(vec.observations["level"] - 1) <= 0.01).all()
            ends.append(truncated.copy())
    assert abs(np.mean(ends) - 1 / 32) < 0.001
    assert np.concatenate(ends[:32]).any(axis=0)  # no fixed length: some end early


# ---------------------------------------------------------------------------------------------------- masked


def test_masked_allows_the_trap_and_the_open_door():
    with shoal.make_vec("masked", 512, seed=5, doors=16) as vec:
        found = np.zeros(16, np.int64)
        for _ in range(40):
            mask = vec.masks["door"].copy()
            assert (mask[:, 0] == 1).all() and (mask.sum(axis=1) == 2).all()
            assert (vec.observations["here"] == 1).all()
            found += mask.sum(axis=0, dtype=np.int64)
            open_door = mask[:, 1:].argmax(axis=1) + 1
            answers = np.where(np.arange(512) % 2, open_door, 0)
            assert np.array_equal(vec.step(answers)[1], np.where(np.arange(512) % 2, 1, -1))
        assert vec.stats().bad_actions == 0
    assert np.abs(found[1:] / found[1:].mean() - 1).max() < 0.15


def test_masked_blind_choice_falls_into_the_trap():
    with shoal.make_vec("masked", 1024, seed=5) as vec:
        rng = np.random.default_rng(0)
        for _ in range(64):
            vec.step(rng.integers(1, 16, 1024))
        stats = vec.stats()
    assert abs(stats.mean("perf") - 1 / 15) < 0.01
    assert stats.bad_actions == pytest.approx(64 * 1024 * 14 / 15, rel=0.01)


# ---------------------------------------------------------------------------------------------------- mixed


@pytest.mark.parametrize("dials", [1, 3, 8])
def test_mixed_pays_for_all_choices_together_only(dials):
    with shoal.make_vec("mixed", 64, seed=8, dials=dials) as vec:
        for wrong in [None, "shape", "colour", *range(dials)]:
            shape, colour = vec.observations["shape"].argmax(axis=1), vec.observations["colour"].argmax(axis=1)
            sides = vec.observations["side"] * 0.01
            assert (vec.observations["shape"].sum(axis=1) == 1).all()
            assert (vec.observations["colour"].sum(axis=1) == 1).all()
            assert (np.abs(vec.observations["side"]) == 1).all()
            if wrong == "shape":
                shape = (shape + 1) % 3
            elif wrong == "colour":
                colour = (colour + 3) % 4
            elif wrong is not None:
                sides[:, wrong] *= -1
            assert (vec.step(np.stack([shape, colour], axis=1), sides)[1] == (wrong is None)).all()


# ---------------------------------------------------------------------------------------------------- continuous


def test_continuous_pays_in_the_gap_alone():
    places = np.array([-1.0, 0.0, 0.97, 0.981, 0.999, 1.0, 7.0], np.float32)
    with shoal.make_vec("continuous", len(places)) as vec:
        for step in range(256):
            rewards = vec.step(None, places if step < 128 else places[::-1])[1]
            paid = np.array([0, 0, 0, 1, 1, 0, 0])
            assert np.array_equal(rewards, paid if step < 128 else paid[::-1])
        stats = vec.stats()
    assert stats.lives == len(places)
    # Wall and short of the gap cancel, the gap itself is neutral: of the seven halves, only 0.97 meets 0.999.
    assert stats.mean("perf") == pytest.approx((1 + 1 + 0.5 + 1 + 0.5 + 1 + 1) / 7)
    assert stats.mean("score") == pytest.approx(128 * 4 / 7)


def test_continuous_raw_samples_stop_in_the_gap_and_clipped_ones_lead_beyond():
    """The gradient of a Gaussian's mean is the covariance of reward and sample."""
    width, means, normal = 0.5, np.array([0.0, 0.5, 0.9, 1.1, 1.4]), np.linspace(-4, 4, 20001)
    samples = means[:, None] + width * normal
    weights = np.exp(-0.5 * normal**2)
    weights /= weights.sum()
    with shoal.make_vec("continuous", samples.size) as vec:
        rewards = vec.step(None, samples.ravel().astype(np.float32))[1].reshape(samples.shape)
    advantages = rewards - (rewards @ weights)[:, None]
    raw, clipped = ((advantages * scored) @ weights for scored in (samples, np.clip(samples, -1, 1)))
    assert np.array_equal(raw > 0, means < 1)
    assert (clipped > 0).all()


# ---------------------------------------------------------------------------------------------------- crowd

CROWD = [("bit", "i4", 64), ("age", "i4", 64), ("away", "i4", 64), ("answer", "u1", 64)]


def test_crowd_agents_die_stay_away_and_return():
    with shoal.make_vec("crowd", 32, seed=9, agents=5) as vec:
        age = np.zeros(160, np.int64)
        absences, away = [], (vec.live == 0).astype(np.int64)
        for step in range(600):
            bit = states(vec, CROWD)["bit"][:, :5].ravel().copy()
            live = vec.live.copy() == 1
            reading = vec.observations["reading"][:, 0]
            assert np.array_equal(reading, np.where(~live, 0, 1000 + np.where(age == 0, 2 * bit - 1, 0)))
            answers = np.arange(160) % 2
            _, rewards, terminated, truncated = vec.step(answers)
            assert np.array_equal(rewards, np.where(~live, 0, np.where(answers == bit, 1, -1)))
            assert not (terminated | truncated)[~live].any()
            over = (step + 1) % 256 == 0
            assert (truncated == (live & ~terminated)).all() if over else not truncated.any()
            back = vec.live == 1
            started = back & (over | ~live)
            assert np.array_equal(vec.starts == 1, started)
            assert over or not back[terminated].any()
            absences += [] if over else list(away[started])
            away = np.where(back, 0, 1 if over else away + 1)
            age = np.where(started, 0, age + 1)
        stats = vec.stats()
    assert {1, 15} <= set(absences) <= set(range(1, 16))
    assert abs(np.mean(absences) - 8) < 0.3
    assert abs(stats.mean("perf") - 0.5) < 0.02  # wild metrics of absent agents were dropped
    assert 7.4 < stats.mean("episode_length") < 8  # 8, but for those that the end of the world cut off


# ---------------------------------------------------------------------------------------------------- sights


def test_sights_asks_what_its_row_shows():
    with shoal.make_vec("sights", 256, seed=3, stars=9, codes=200) as vec:
        yes = 0.0
        for _ in range(20):
            seen = {name: array.copy() for name, array in vec.observations.items()}
            assert (seen["near"] >= 1).all() and (seen["near"] <= 9).all()
            hidden = np.arange(9) >= seen["near"]
            assert (np.abs(seen["stars"][hidden]) <= 0.05).all()
            distance = np.where(hidden, 9.0, np.hypot(seen["stars"][..., 0], seen["stars"][..., 1]))
            x, y = seen["stars"][np.arange(256), distance.argmin(axis=1)].T
            star = np.where(y >= 0, x < 0, 2 + (x >= 0))
            code = seen["codes"][:, 0] > seen["codes"][:, 1]
            tree = ((seen["map"][:, :, :-1] == 1) & (seen["map"][:, :, 1:] == 2)).any(axis=(1, 2))
            answers = np.stack([star, code, tree], axis=1).astype(np.int32)
            wrong = np.arange(256) % 4  # which of the three is answered wrongly, if any
            for i in range(3):
                answers[wrong == i, i] = (answers[wrong == i, i] + 1) % (4, 2, 2)[i]
            assert np.array_equal(vec.step(answers)[1], np.where(wrong < 3, np.float32(2 / 3), np.float32(1)))
            assert (seen["codes"][:, 0] != seen["codes"][:, 1]).all()
            yes += tree.mean() / 20
        assert 0.4 < yes < 0.55
