# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""What the native learner records and the gradients it takes, against torch in float64, on real environments."""

from __future__ import annotations

import numpy as np
import pytest
from bare_vec import BareVec
from native_fast import FMA_BUILDS, FastLearner, builds
from native_reference import reference

torch = pytest.importorskip("torch")
import torch_oracle  # noqa: E402
from rollout_oracle import Rollout, coefficients_of, pick, record, shape_of  # noqa: E402

MINGRU = {"core": 1, "hidden": 24, "layers": 2}
MINGRU_OWN = {"core": 1, "hidden": 33, "layers": 1, "own_value": 1}
LSTM = {"core": 2, "hidden": 24, "layers": 2}
LSTM_OWN = {"core": 2, "hidden": 33, "layers": 1, "own_value": 1}
MLP = {"core": 0, "hidden": 32, "layers": 1}
MLP_OWN = {"core": 0, "hidden": 17, "layers": 2, "activation": 1, "own_value": 1}

# Every kind of field, head, mask, end and absence comes up; every core with several of them.
CASES = {
    "cartpole": (MINGRU, {}),
    "cartpole, mlp": (MLP, {"vf_clip": 0.05}),
    "breakout": (MINGRU, {"segment": 4}),
    "breakout, lstm": (LSTM, {"segment": 8}),
    "pong, mlp tanh": (MLP_OWN, {"advantage_form": 1}),
    "squared": (MINGRU_OWN, {"normalize_reward": 0}),
    "recall": (MINGRU, {"horizon": 33, "segment": 33, "shard": 99}),
    "reset": (MINGRU_OWN, {"vf_clip": 0.05, "segment": 8}),
    "reset, lstm": (LSTM, {"horizon": 33, "segment": 33, "shard": 99}),
    "mixed, lstm": (LSTM_OWN, {"vf_clip": 0.05}),
    "crowd, lstm": (LSTM_OWN, {"segment": 1}),
    "forever": (MLP, {"gamma": 0.9}),
    "masked": (MINGRU, {"segment": 2}),
    "mixed": (MINGRU_OWN, {}),
    "continuous": (MLP_OWN, {}),
    "crowd": (MINGRU, {"segment": 8}),
    "sights": (MINGRU, {"segment": 4}),
    "sights, conv": (MLP_OWN | {"grid": 1}, {}),
    "sights, conv, lstm": (LSTM | {"grid": 1}, {"segment": 8}),
}


# Every case in the best build; in the others, whose kernels differ in their tiles alone, a few.
EVERYWHERE = [(name, builds()[0]) for name in CASES]
EVERYWHERE += [
    (name, isa)
    for isa in builds()[1:]
    for name in ("cartpole", "pong, mlp tanh", "squared", "mixed, lstm", "sights, conv")
]


def make(name: str, isa: str = "", **changes: object) -> FastLearner:
    policy, train = CASES[name]
    num_envs = 7 if name == "crowd" else 31  # many agents in each
    learner = FastLearner(isa or builds()[0], name.split(",")[0], num_envs=num_envs, policy=policy, **(train | changes))
    learner.policy.shake(np.random.default_rng(0), 0.1)
    if name == "continuous":
        learner.policy.tensors["policy.log_std"][0] = 0.7  # beyond the clip: no gradient
    return learner


def with_statistics(name: str, isa: str = "", **changes: object) -> tuple[FastLearner, Rollout]:
    """Return a learner and its second rollout: observations are normalised and rewards scaled."""
    learner = make(name, isa, **changes)
    learner.rollout()
    learner.update()  # at learning rate 0: only the statistics change
    return learner, record(learner)


def exact(learner: FastLearner, rollout: Rollout) -> tuple[torch.Tensor, torch_oracle.Batch]:
    """Return the weights in float64 and the whole rollout as a batch, advantages by the reference."""
    values = rollout.data["values"].astype(np.float64)
    error, advantage = rollout.advantages(values, np.ones_like(values))
    omega = np.ones(values.size // learner.config.segment)
    return torch.tensor(learner.policy.parameters()), rollout.batch(error, advantage, values, omega)


@pytest.mark.parametrize(("name", "isa"), EVERYWHERE)
def test_the_rollout_records_what_torch_computes(name: str, isa: str) -> None:
    learner, rollout = with_statistics(name, isa)
    shape, (theta, batch) = shape_of(learner.policy), exact(learner, rollout)
    with torch.no_grad():
        outputs, values, last = torch_oracle.forward(shape, theta, batch)
        log_std = shape.unflatten(theta)["log_std"]
        log_prob, _, _ = torch_oracle.distributions(shape, outputs, log_std, batch)
    learn = batch.learn
    np.testing.assert_allclose(batch.old_values[learn], values[learn], rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(batch.old_log_prob[learn], log_prob[learn], rtol=2e-5, atol=2e-5)
    assert learn.float().mean() > 0.3
    if shape.core == "mlp":
        return
    # The state at the end of each segment is the one stored for the next, or carried to the next rollout.
    ends = torch.stack(last).permute(1, 0, 2).reshape(*rollout.size[:1], -1, learner.policy.state_size).numpy()
    following = batch.state.permute(2, 0, 1, 3).reshape(ends.shape).numpy()[:, 1:]
    np.testing.assert_allclose(ends[:, :-1], following, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(ends[:, -1], learner.tensors["learner.memory"], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["cartpole", "forever", "reset", "crowd", "mixed", "masked"])
@pytest.mark.parametrize("core", [1, 2])
def test_the_rollout_is_a_step_by_hand_repeated(name: str, core: int) -> None:
    """Forward, sample, step, keep the memory; an ended world's final row is valued with it and not committed."""
    policy = {"core": core, "hidden": 16, "layers": 2, "own_value": 1}
    learner = FastLearner(builds()[0], name, num_envs=9, policy=policy, horizon=65, segment=13, block=4)
    learner.policy.shake(np.random.default_rng(0), 0.1)
    data = record(learner).data
    vec = BareVec(learner.env.contents, learner.spec.params, 9, seed=3, stagger=1)
    memory = np.zeros((vec.n, learner.policy.state_size), np.float32)
    truncations = 0
    for t in range(65):
        np.testing.assert_array_equal(data["rows"][:, t], vec.rows)
        np.testing.assert_array_equal(data["masks"][:, t], vec.masks)
        np.testing.assert_array_equal(data["starts"][:, t], vec.starts)
        np.testing.assert_array_equal(data["learn"][:, t], vec.live)
        live, starts = vec.live == 1, vec.starts.copy()
        before = np.where(starts[:, None] == 1, np.float32(0), memory)
        _, values, discrete, continuous, memory = learner.policy.act(
            vec.rows, vec.masks, starts, memory, seed=learner.config.seed, clock=t
        )
        if t % 13 == 0:
            stored = data["segment_memory"].reshape(vec.n, 5, -1)[:, t // 13]
            np.testing.assert_array_equal(np.where(starts[:, None] == 1, np.float32(0), stored), before)
        np.testing.assert_array_equal(data["values"][live, t], values[live])
        np.testing.assert_array_equal(data["discrete"][live, t], discrete[live])
        vec.discrete[:], vec.continuous[:] = discrete, continuous
        vec.step()
        np.testing.assert_array_equal(data["rewards"][:, t], vec.rewards)
        np.testing.assert_array_equal(data["ended"][:, t], vec.ended)
        cut = np.flatnonzero(vec.ended == 2)
        if len(cut):
            truncations += len(cut)
            rows, masks = vec.final_rows[cut], vec.final_masks[cut]
            _, final_values, _, _, _ = learner.policy.act(rows, masks, None, memory[cut])
            np.testing.assert_array_equal(data["final_values"][cut, t], final_values)
    np.testing.assert_array_equal(data["rows"][:, 65], vec.rows)
    _, values, _, _, _ = learner.policy.act(vec.rows, vec.masks, vec.starts.copy(), memory)
    np.testing.assert_array_equal(data["last_values"][vec.live == 1], values[vec.live == 1])
    np.testing.assert_array_equal(learner.tensors["learner.memory"], memory)
    assert truncations or name not in ("forever", "crowd")


@pytest.mark.parametrize("floor", [0.0, 100.0])
@pytest.mark.parametrize(("name", "isa"), EVERYWHERE)
def test_the_gradient_is_torchs(name: str, isa: str, floor: float) -> None:
    """After the weights were moved between rollout and update, so that ratios, clips and values differ from them."""
    learner, rollout = with_statistics(name, isa, clip_coef=0.05, advantage_floor=floor)
    learner.policy.shake(np.random.default_rng(1), 0.06)
    log = learner.update()
    theta, batch = exact(learner, rollout)
    shape, coefficients = shape_of(learner.policy), coefficients_of(learner)
    theta.requires_grad_(True)
    loss = torch_oracle.whole_loss(shape, theta, batch, coefficients)
    loss.backward()
    ours = shape.unflatten(torch.tensor(learner.tensors["update.gradient"].astype(np.float64)))
    scale = theta.grad.abs().max().item()
    assert scale > 1e-3
    for tensor, wanted in shape.unflatten(theta.grad).items():
        if wanted.numel():
            difference = (ours[tensor] - wanted).abs().max().item()
            # float32 sums over thousands of samples; and a sample at the very edge of a clip may fall on either side
            assert difference < 1e-4 * scale, f"{tensor}: {difference:.2e} of {scale:.2e}"
    assert log.grad_norm == pytest.approx(theta.grad.norm().item(), rel=1e-3)
    total = log.policy_loss + coefficients.vf_coef * log.value_loss
    assert log.clip_fraction > 0
    assert log.kl > 0
    entropy = loss.item() - total
    if not shape.dims:
        assert entropy == pytest.approx(-coefficients.ent_coef * log.entropy, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("name", "isa"), EVERYWHERE)
def test_the_first_ratios_are_one(name: str, isa: str) -> None:
    learner, _ = with_statistics(name, isa)
    assert learner.update().first_ratio_error == 0.0  # the same kernels on the same rows, so the same bits


@pytest.mark.parametrize("name", CASES)
def test_advantages_and_targets_are_the_references(name: str) -> None:
    learner, rollout = with_statistics(name)
    learner.update()
    values = rollout.data["values"].astype(np.float64)
    error, advantage = rollout.advantages(values, np.ones_like(values))
    np.testing.assert_allclose(learner.tensors["rollout.advantages"], advantage, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(learner.tensors["rollout.targets"], values + error, rtol=1e-4, atol=1e-4)
    assert not advantage[rollout.data["learn"] == 0].any()


@pytest.mark.parametrize("name", CASES)
def test_statistics_are_merged_after_the_update(name: str) -> None:
    learner = make(name)
    policy, gamma = learner.policy, learner.config.gamma
    vectors = policy.vector_features()
    count, mean, m2 = np.zeros(1), np.zeros(vectors.sum()), np.zeros(vectors.sum())
    g_count, g_mean, g_m2 = np.zeros(1), np.zeros(1), np.zeros(1)
    carry = None
    for _ in range(3):
        rollout = record(learner)
        for tensor, expected in (("count", count), ("mean", mean), ("m2", m2)):
            found = policy.tensors[f"normalizer.{tensor}"]  # not yet those of this rollout
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3, err_msg=tensor)
        learner.update()
        (n, t), data = rollout.size, rollout.data
        learn = data["learn"].reshape(-1).copy()
        raw = policy.features(np.ascontiguousarray(data["rows"][:, :t]), {})[0][..., vectors].copy()
        reference().merge(n * t, raw.shape[-1], raw.reshape(n * t, -1), learn, count, mean, m2)
        carry = np.zeros((n, 1)) if carry is None else carry
        g = np.empty((n, t))
        for i in range(n):
            reference().returns(t, data["rewards"][i].astype(np.float64), data["ended"][i], gamma, carry[i], g[i])
        reference().merge(n * t, 1, g.reshape(n * t, 1), learn, g_count, g_mean, g_m2)
        ours = learner.tensors["learner.returns"]
        np.testing.assert_allclose(ours, np.concatenate([g_count, g_mean, g_m2]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["cartpole", "squared", "crowd", "forever"])
def test_future_returns_scale_rewards_by_their_root_mean_square(name: str) -> None:
    learner = make(name, normalize_reward=2)
    count, squares = 0.0, 0.0
    for _ in range(3):
        data = record(learner).data
        log = learner.update()
        assert log.sigma_return == pytest.approx(np.sqrt(squares / count + 1e-8) if squares else 1.0, rel=1e-5)
        (_, t), sums = data["learn"].shape, np.zeros(data["learn"].shape[0])
        for step in reversed(range(t)):
            sums = data["rewards"][:, step] + learner.config.gamma * np.where(data["ended"][:, step] > 0, 0.0, sums)
            sums = np.where(data["learn"][:, step] > 0, sums, 0.0)
            squares += float((sums**2).sum())
        count += float((data["learn"] > 0).sum())
    np.testing.assert_allclose(learner.tensors["learner.returns"], [count, 0.0, squares], rtol=1e-5)


def test_the_first_rollout_of_a_new_run_only_gathers_statistics() -> None:
    learner = make("cartpole", warm=0, learning_rate=0.01)
    before = learner.policy.parameters()
    learner.rollout()
    log = learner.update()
    assert log.updates == 0
    np.testing.assert_array_equal(learner.policy.parameters(), before)
    assert not learner.tensors["learner.memory"].any()
    assert learner.policy.tensors["normalizer.count"][0] == 31 * 16
    learner.rollout()
    assert learner.update().updates == 1
    assert (learner.policy.parameters() != before).any()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_schedules_are_evaluated_at_the_first_step_of_an_iteration(kind: int) -> None:
    samples, total = 31 * 16, 31 * 16 * 5
    changes = {
        "schedule": kind,
        "schedule_steps": total,
        "learning_rate": 1e-3,
        "ent_coef": 0.02,
        "ent_coef_final": 0.002,
    }
    learner = make("cartpole", **changes)
    for iteration in range(7):  # two beyond the end
        learner.rollout()
        log = learner.update()
        factor = reference().schedule(kind, iteration * samples / total)
        assert log.steps == (iteration + 1) * samples
        assert log.learning_rate == pytest.approx(1e-3 * factor, abs=1e-9)
        assert log.ent_coef == pytest.approx(reference().anneal(0.02, 0.002, factor), abs=1e-8)


@pytest.mark.parametrize("where", ["rewards", "rows", "values"])
def test_a_number_that_is_none_stops_the_run_and_keeps_the_weights(where: str) -> None:
    """No clip may turn it into an ordinary number on its way to the loss."""
    learner = make("cartpole", learning_rate=0.01)
    learner.rollout()
    before = learner.policy.parameters()
    array = learner.tensors[f"rollout.{where}"]
    if where == "rows":
        array = array.view(np.float32)
    array[3, 5] = np.nan
    with pytest.raises(AssertionError, match="not finite"):
        learner.update()
    np.testing.assert_array_equal(learner.policy.parameters(), before)


def test_an_update_ends_once_the_policy_has_moved_far_enough() -> None:
    """KL is that of the last minibatch, before its step: the first one's is 0."""
    changes = {"minibatch": 31 * 4, "segment": 4, "learning_rate": 0.05, "schedule": 0}
    counts = {}
    for target in (0.0, 1e-9, 1e9):
        learner = make("cartpole", target_kl=target, **changes)
        learner.rollout()
        counts[target] = learner.update().updates
    assert counts == {0.0: 4, 1e-9: 2, 1e9: 4}


def simulate(
    learner: FastLearner, rollout: Rollout, theta: np.ndarray, orders: list[np.ndarray], beta: float
) -> np.ndarray:
    """Return the weights after one update, in float64.

    Args:
        learner: whose settings count. rollout: what it learnt from. theta: its weights before.
        orders: the segments of each minibatch, pass by pass.
        beta: of the importance weights.
    """
    shape, c, config = shape_of(learner.policy), coefficients_of(learner), learner.config
    values, ratio = rollout.data["values"].astype(np.float64), np.ones(rollout.size)
    moments = {name: (np.zeros(size), np.zeros(size)) for name, size in shape.parameters()}
    theta, step = theta.copy(), 0
    for order in orders:
        error, advantage = rollout.advantages(values, ratio)
        m = values.size // config.segment
        p, omega = np.empty(m), np.ones(m)
        if config.priority_alpha > 0:
            reference().priorities(m, config.segment, advantage, rollout.data["learn"], config.priority_alpha, p)
            reference().importance(m, p, beta, omega)
        whole = rollout.batch(error, advantage, values, omega)
        new_values, new_ratio = rollout.segments(values).copy(), rollout.segments(ratio).copy()
        for segments in order:
            batch, leaf, step = pick(whole, segments), torch.tensor(theta, requires_grad=True), step + 1
            outputs, found, _ = torch_oracle.forward(shape, leaf, batch)
            log_std = shape.unflatten(leaf)["log_std"]
            log_prob, *entropies = torch_oracle.distributions(shape, outputs, log_std, batch)
            torch_oracle.loss_of(c, log_prob, found, tuple(entropies), batch).backward()
            new_values[segments] = found.detach().numpy()
            now = torch.exp(log_prob - batch.old_log_prob).detach().numpy()
            new_ratio[segments] = np.where(batch.learn.numpy(), now, 1.0)
            gradient = leaf.grad.numpy()
            reference().clip_norm(gradient.size, config.max_grad_norm, gradient)
            views = [shape.unflatten(torch.tensor(x)) for x in (theta, gradient)]
            for name, (one, two) in moments.items():
                w, g = (np.ascontiguousarray(view[name].numpy()) for view in views)
                optimize(name, config, step, w, g, one, two)
                views[0][name][...] = torch.tensor(w)
            theta = np.concatenate([views[0][name].numpy().ravel() for name, _ in shape.parameters()])
        values, ratio = new_values.reshape(values.shape), new_ratio.reshape(values.shape)
    return theta


def optimize(name: str, config, step: int, w: np.ndarray, g: np.ndarray, one: np.ndarray, two: np.ndarray) -> None:
    """Update w in place: Muon for encoder and core matrices, each gate block on its own; AdamW for the rest."""
    if not w.size:
        return
    trunk = name.startswith(("policy.", "value."))
    if config.optimizer == 0 and trunk and ("weight" in name or name.endswith("dense")):
        blocks = w.shape[0] // w.shape[1] if "weight" in name else 1
        for part in np.split(np.arange(w.shape[0]), blocks):
            rows, cols = len(part), w.shape[1]
            short = min(rows, cols)
            cut = slice(part[0], part[-1] + 1)
            work = np.empty(short * 2 * (short + max(rows, cols)) + rows * cols)
            reference().muon(rows, cols, config.learning_rate, config.momentum, g[cut], one[cut], w[cut], work)
    else:
        rate = config.learning_rate * (config.adam_ratio if config.optimizer == 0 else 1.0)
        reference().adamw(w.size, step, rate, g, one, two, w)


@pytest.mark.parametrize("optimizer", [0, 1])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("cartpole", {"replay_ratio": 3.0}),  # three passes over everything: new V and w in the second and third
        ("reset", {"replay_ratio": 2.0, "segment": 4, "rho_clip": 0.9, "c_clip": 0.95}),
        ("masked", {"minibatch": 31 * 4, "segment": 4, "replay_ratio": 1.0}),  # four minibatches
        ("mixed", {"minibatch": 31 * 8, "replay_ratio": 0.5, "segment": 8}),  # half a pass
        ("mixed, lstm", {"segment": 8, "replay_ratio": 2.0}),
        ("crowd", {"segment": 8, "priority_alpha": 0.6}),  # drawn by priority, with importance weights
        ("crowd", {"segment": 8, "priority_alpha": 0.6, "warm": 0}),  # weights half way to their full strength
    ],
)
def test_an_update_is_the_one_in_float64(name: str, changes: dict[str, float], optimizer: int) -> None:
    changes = {"learning_rate": 0.01, "schedule": 0, "optimizer": optimizer} | changes
    learner = make(name, **changes)
    beta = learner.config.priority_beta
    if not learner.config.warm:
        learner = make(name, schedule_steps=2 * learner.tensors["rollout.rewards"].size, **changes)
        learner.rollout()  # gathers statistics
        learner.update()
        beta += 0.5 * (1.0 - beta)
    rollout = record(learner)
    before = learner.policy.parameters()
    log = learner.update()
    segments = rollout.data["values"].size // learner.config.segment
    batch = learner.config.minibatch // learner.config.segment
    count = int(np.ceil(learner.config.replay_ratio * segments / batch))
    passes = -(-count * batch // segments)
    order = learner.tensors["update.order"]
    if learner.config.priority_alpha == 0:
        np.testing.assert_array_equal(np.sort(order), np.arange(segments))
    assert passes == 1 or batch == segments  # only the last pass's order is kept; a whole pass does not need it
    whole = np.array_split(order, segments // batch)
    expected = simulate(learner, rollout, before, [whole[:count]] * passes, beta)
    assert log.updates == count
    moved, wanted = learner.policy.parameters() - before, expected - before
    assert np.linalg.norm(moved - wanted) < 2e-3 * np.linalg.norm(wanted)


@pytest.mark.parametrize(
    "name", ["cartpole", "breakout", "breakout, lstm", "mixed", "crowd", "pong, mlp tanh", "sights, conv"]
)
def test_training_has_the_same_bits_for_any_threads_blocks_and_fused_build(name: str) -> None:
    found = set()
    for isa in (isa for isa in builds() if isa in FMA_BUILDS or isa == builds()[0]):
        for threads, block in ((1, 0), (2, 5), (3, 0)):
            changes = {"threads": threads, "block": block, "learning_rate": 0.01, "replay_ratio": 2.0}
            learner = make(name, isa, **changes)
            for _ in range(3):
                learner.rollout()
                learner.update()
            found.add(learner.policy.parameters().tobytes() + learner.tensors["rollout.rows"].tobytes())
    assert len(found) == 1
