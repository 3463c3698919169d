# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The environment contract, over every registered environment and every template of `shoal new`."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bare_vec import BareVec

from shoal import compile, native, registry

TEMPLATES = Path(registry.__file__).parent / "templates"
NAMES = [*registry.names(), *(pytest.param(str(path), id=f"new-{path.name}") for path in sorted(TEMPLATES.iterdir()))]
STEPS, ENVS = 150, 12

pytestmark = pytest.mark.parametrize("name", NAMES)


def make(name, num_envs=ENVS, values=None, **settings):
    spec = registry.get(name).spec(values or {})
    return BareVec(spec.env.descriptor, spec.params, num_envs, **({"seed": 5} | settings))


def play(vec, steps=STEPS, seed=1, absent=0):
    """Yield after each step with random legal actions; those of absent agents are garbage that `absent` chooses."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        vec.act_randomly(rng)
        gone = vec.live == 0
        vec.discrete[gone] += np.int32(absent)
        vec.continuous[gone] += np.float32(absent * 1e9)
        vec.step()
        yield


def seen(vec):
    """Return every byte that a step promises."""
    live, truncated = vec.live == 1, vec.ended == 2
    parts = [vec.states, vec.live, vec.starts, vec.rewards, vec.ended, vec.returns, vec.lengths, vec.limits]
    parts += [vec.rows[live], vec.masks[live], vec.final_rows[truncated], vec.final_masks[truncated]]
    return b"".join(part.tobytes() for part in parts)


def digest(vec, steps=STEPS, **how):
    """Return a hash of everything that is seen during a play, and of the metrics."""
    found = hashlib.sha256(seen(vec))
    for _ in play(vec, steps, **how):
        found.update(seen(vec))
    return found.hexdigest(), vec.stats()


def ticks(vec):
    """Return every environment's steps since its reset: ShoalHead.tick."""
    return np.ascontiguousarray(vec.states[:, 12:16]).view(np.uint32)[:, 0]


def test_threads_and_blocks_change_no_bit(name):
    one, stats = digest(make(name, max_steps=40))
    for settings in ({"threads": 2}, {"threads": 4, "block": 1}, {"block": 5}, {"threads": 4, "block": 5}):
        other, sums = digest(make(name, max_steps=40, **settings))
        assert other == one, settings
        np.testing.assert_allclose(sums, stats, rtol=1e-12, err_msg=str(settings))  # block size orders the sums
    assert stats[native.STATS_LIVES] > 0


def test_copies_side_by_side_do_as_alone(name):
    """The loops of a block run as vectors over its copies; a block of one copy has nothing to make a vector of."""
    copies = max(200 // registry.get(name).spec({}).agents, 4)
    one, other = (digest(make(name, num_envs=copies, block=block), steps=500) for block in (0, 1))
    assert one[0] == other[0]
    np.testing.assert_allclose(one[1], other[1], rtol=1e-12)  # block size orders the sums


def test_thread_count_changes_no_bit_of_the_statistics(name):
    sums = [digest(make(name, max_steps=40, threads=threads, block=5))[1] for threads in (1, 2, 4)]
    assert sums[0].tobytes() == sums[1].tobytes() == sums[2].tobytes()


def test_old_memory_does_not_show(name):
    assert digest(make(name, fill=0x00, max_steps=30))[0] == digest(make(name, fill=0xFF, max_steps=30))[0]


def test_actions_of_absent_agents_change_nothing(name):
    zeros, garbage = make(name, max_steps=60), make(name, max_steps=60)
    first, second = digest(zeros), digest(garbage, absent=1234567)
    assert first[0] == second[0]
    assert first[1].tobytes() == second[1].tobytes()


def test_absent_agents_have_zero_rows_rewards_and_flags(name):
    vec = make(name)
    was = vec.live.copy()
    for _ in play(vec):
        gone = vec.live == 0
        assert not vec.rows[gone].any()
        assert not vec.masks[gone].any()
        assert not vec.rewards[was == 0].any()
        assert not vec.ended[was == 0].any()
        was = vec.live.copy()


def test_every_mask_has_a_legal_action(name):
    vec = make(name)
    for _ in play(vec):
        for head, mask in vec.head_masks().items():
            assert (mask[vec.live == 1] != 0).any(axis=1).all(), f"head {head}"
            assert mask.max(initial=0) <= 1, f"head {head}"
        for head, mask in vec.head_masks(vec.final_masks[vec.ended == 2]).items():
            assert (mask != 0).any(axis=1).all(), f"head {head} of final masks"


def test_snapshot_replays(name):
    vec = make(name, num_envs=3, max_steps=50)
    for _ in play(vec, 20):
        pass
    kept = [vec.snapshot(e) for e in range(3)]
    rows, masks = vec.rows.copy(), vec.masks.copy()
    vec.stats()
    first = [seen(vec) for _ in play(vec, 80, seed=2)], vec.stats().tobytes()
    for e in range(3):
        vec.restore(e, kept[e])
    assert vec.rows.tobytes() == rows.tobytes()
    assert vec.masks.tobytes() == masks.tobytes()
    assert ([seen(vec) for _ in play(vec, 80, seed=2)], vec.stats().tobytes()) == first


def test_snapshot_moves_to_another_copy(name):
    """Nothing of an environment lies outside its snapshot: another copy goes on from it with the same bytes."""
    vec, other = (make(name, num_envs=1, max_steps=500, stagger=1, seed=seed) for seed in (5, 99))
    for _ in play(vec, 10):
        pass
    other.restore(0, vec.snapshot(0))
    for _ in zip(play(vec, 20, seed=3), play(other, 20, seed=3), strict=True):
        if vec.lengths.max() < 10:  # from the next episode on their seeds differ
            break
        assert seen(vec) == seen(other)


def test_rewards_are_finite_and_observations_within_their_fields(name):
    vec = make(name)
    for step, _ in enumerate(play(vec, 2 * STEPS)):
        assert np.isfinite(vec.rewards).all(), step
        for rows in (vec.rows[vec.live == 1], vec.final_rows[vec.ended == 2]):
            for index in range(vec.spec.num_fields):
                field = vec.spec.fields[index]
                values = vec.field(index, rows)
                where = f"{field.name.decode()} at step {step}"
                high = field.categories - 1 if native.FIELD_KINDS[field.kind] in ("grid", "category") else field.high
                assert np.isfinite(values).all(), where
                assert values.min(initial=field.high) >= field.low, where
                assert values.max(initial=field.low) <= high, where


def test_ends_within_max_steps(name):
    vec = make(name, max_steps=17)
    since = np.zeros(vec.num_envs, int)
    for _ in play(vec, 100):
        now = ticks(vec)
        since = np.where(now == 0, 0, since + 1)
        assert (now == since).all()
        assert now.max() < 17


def test_does_not_count_a_time_limit_of_its_own(name):
    """Time limits are the engine's: where none is in sight, truncation does not fall on one fixed tick."""
    vec = make(name, max_steps=1 << 30)
    found = []
    before = ticks(vec)
    for _ in play(vec, 8 * STEPS):
        ended = (vec.ended.reshape(vec.num_envs, -1) == 2).any(axis=1)
        found += (before[ended] + 1).tolist()
        before = ticks(vec)
    assert len(found) < 3 or len(set(found)) > 1, f"{len(found)} truncations at tick {found[0]}"


def test_spec_does_not_depend_on_value_parameters(name):
    env = registry.get(name)
    usual = env.spec()
    for param in env.params:
        if param.role != "value":
            continue
        options = {"choice": param.choices, "switch": (False, True)}.get(param.kind, (param.low, param.high))
        for value in options:
            other = env.spec({param.name: param.check(value)})
            assert bytes(other.struct) == bytes(usual.struct), f"{param.name}={value}"


def test_metrics_are_in_range(name):
    env = registry.get(name)
    names = [metric.name for metric in env.metrics]
    assert "perf" in names
    assert "score" in names
    vec = make(name, max_steps=50)
    at = native.STATS_FIRST + 2 * names.index("perf")
    for step, _ in enumerate(play(vec, 200)):
        stats = vec.stats()
        lives = stats[native.STATS_LIVES]
        assert np.isfinite(stats).all()
        assert -1e-9 <= stats[at] <= lives * (1 + 1e-6), step
        assert stats[at + 1] <= stats[at] * (1 + 1e-6) + 1e-9, step  # a perf above 1 has a larger square


def test_scripted_actions_are_legal(name):
    if not registry.get(name).scripted:
        return
    vec = make(name)
    for level in (0.0, 0.5, 1.0):
        for _ in range(50):
            vec.scripted(level)
            vec.step()
    assert vec.stats()[native.STATS_BAD] == 0


def test_run_takes_the_same_steps(name):
    stepped, ran = make(name, max_steps=40, block=5), make(name, max_steps=40, block=5)
    rng = np.random.default_rng(4)
    heads, dims = stepped.spec.num_heads, stepped.spec.num_dims
    discrete = rng.integers(0, 3, (7, stepped.n, heads)).astype(np.int32)
    continuous = rng.normal(size=(7, stepped.n, dims)).astype(np.float32)
    for step in range(100):
        stepped.discrete[:], stepped.continuous[:] = discrete[step % 7], continuous[step % 7]
        stepped.step()
    ran.run(100, discrete, continuous)
    for what in ("states", "rows", "masks", "live", "starts", "returns", "lengths"):
        assert getattr(stepped, what).tobytes() == getattr(ran, what).tobytes(), what
    assert stepped.stats().tobytes() == ran.stats().tobytes()


def test_leaving_needs_a_flag(name):
    vec = make(name)
    was = vec.live.copy()
    for _ in play(vec):
        assert (vec.ended[(was == 1) & (vec.live == 0)] != 0).all()
        was = vec.live.copy()


def compile_header(name, compilers, *flags, header="{}.h"):
    """Return what the first of these compilers says about the environment's header."""
    compiler = next(filter(None, map(shutil.which, compilers)), None)
    if not compiler:
        pytest.skip(f"none of {', '.join(compilers)} is here")
    env = registry.get(name)
    include, file = compile.include_folder(), env.folder / header.format(env.name)
    command = [compiler, *flags, "-fsyntax-only", f"-I{include}", "-include", file, "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True)


def test_header_compiles_as_cpp17_without_standard_headers(name):
    flags = ("-std=c++17", "-nostdinc", "-nostdinc++", "-Wall", "-Wextra", "-Werror", "-x", "c++")
    done = compile_header(name, ("g++", "clang++"), *flags)
    assert done.returncode == 0, done.stderr


def test_drawing_compiles_as_cpp17_without_standard_headers(name):
    env = registry.get(name)
    if not (env.folder / f"{env.name}_draw.h").exists():
        pytest.skip("it has no drawing")
    flags = ("-std=c++17", "-nostdinc", "-nostdinc++", "-Wall", "-Wextra", "-Werror", "-x", "c++")
    done = compile_header(name, ("g++", "clang++"), *flags, header="{}_draw.h")
    assert done.returncode == 0, done.stderr


def test_structs_have_no_padding(name):
    done = compile_header(name, ("gcc", "clang"), "-std=gnu11", "-Wpadded", "-x", "c")
    assert done.returncode == 0, done.stderr
    found = [
        line
        for line in done.stderr.splitlines()
        if f"/{registry.get(name).name}.h:" in line and "warning: padding" in line
    ]
    assert not found, found
