# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Log-probabilities, entropies and their gradients: against torch.distributions."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from native_reference import RAGGED, legal_actions, make_spec, outputs_of, random_masks, reference

torch = pytest.importorskip("torch")
from torch.distributions import Categorical, Normal  # noqa: E402

CASES = {
    "one head": ([(5, False)], 0),
    "one masked head": ([(5, True)], 0),
    "many heads": ([(3, False), (1, False), (9, True), (2, True)], 0),
    "continuous": ([], 3),
    "mixed": ([(4, True), (3, False)], 2),
}


@pytest.mark.parametrize("n", RAGGED)
@pytest.mark.parametrize("name", CASES)
def test_heads_match_torch(name: str, n: int) -> None:
    heads, dims = CASES[name]
    spec = make_spec(heads=heads, dims=dims)
    rng = np.random.default_rng(n)
    outputs = rng.normal(size=(n, outputs_of(spec))) * 3
    log_std = np.array([-4.5, 0.7, -0.5])[:dims]  # below, above and inside the clip
    masks = random_masks(spec, n, rng)
    discrete, continuous = legal_actions(spec, masks, rng), rng.normal(size=(n, dims)) * 2
    grads = rng.normal(size=(3, n))
    ours = np.full((3, n), np.nan)
    doutputs, dlog_std = np.full_like(outputs, np.nan), np.zeros(dims)
    inputs = (ctypes.byref(spec), n, outputs, log_std, masks, discrete, continuous)
    reference().heads(*inputs, *ours)
    reference().heads_backward(*inputs, *grads, doutputs, dlog_std)

    leaf, leaf_std = torch.tensor(outputs, requires_grad=True), torch.tensor(log_std, requires_grad=True)
    log_prob, entropy, entropy_continuous = (torch.zeros(n, dtype=torch.float64) for _ in range(3))
    at = mask_at = 0
    for h, (size, masked) in enumerate(heads):
        logits = leaf[:, at : at + size]
        if masked:
            logits = logits.masked_fill(torch.tensor(masks[:, mask_at : mask_at + size]) == 0, -1e30)
            mask_at += size
        categorical = Categorical(logits=logits)
        log_prob = log_prob + categorical.log_prob(torch.tensor(discrete[:, h]))
        entropy = entropy + categorical.entropy()
        at += size
    if dims:
        normal = Normal(leaf[:, at:], leaf_std.clamp(-4, 0.5).exp())
        log_prob = log_prob + normal.log_prob(torch.tensor(continuous)).sum(1)
        entropy_continuous = entropy_continuous + normal.entropy().sum(1)
    expected = torch.stack([log_prob, entropy, entropy_continuous])
    expected.backward(torch.tensor(grads))
    np.testing.assert_allclose(ours, expected.detach().numpy(), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(doutputs, leaf.grad.numpy(), rtol=1e-10, atol=1e-10)
    if dims:
        np.testing.assert_allclose(dlog_std, leaf_std.grad.numpy(), rtol=1e-10, atol=1e-10)


def test_masked_logits_take_no_part() -> None:
    spec = make_spec(heads=[(4, True)])
    masks = np.array([[1, 0, 1, 0]], np.uint8)
    discrete, empty = np.array([[2]], np.int32), np.zeros((1, 0))
    results = []
    for garbage in (0.0, 1e6):
        outputs, out = np.array([[0.3, garbage, -0.2, -garbage]]), np.empty((3, 1))
        reference().heads(ctypes.byref(spec), 1, outputs, np.zeros(0), masks, discrete, empty, *out)
        doutputs = np.empty((1, 4))
        reference().heads_backward(
            ctypes.byref(spec), 1, outputs, np.zeros(0), masks, discrete, empty, *np.ones((3, 1)), doutputs, np.zeros(0)
        )
        results.append(np.concatenate([out.ravel(), doutputs.ravel()]))
        assert doutputs[0, 1] == doutputs[0, 3] == 0.0
    np.testing.assert_array_equal(results[0], results[1])


def test_the_only_legal_action_is_certain() -> None:
    spec = make_spec(heads=[(3, True)])
    out = np.empty((3, 1))
    reference().heads(
        ctypes.byref(spec), 1, np.array([[9.0, 1.0, 5.0]]), np.zeros(0), np.array([[0, 1, 0]], np.uint8),
        np.array([[1]], np.int32), np.zeros((1, 0)), *out,
    )  # fmt: skip
    assert out.ravel().tolist() == [0.0, 0.0, 0.0]
