# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Channel reassembly of the published recipe: the worked relations of the paper on the numpy reference, and `qllm`'s plan against
that reference on a small model with outliers."""
import sys
from pathlib import Path

import numpy as np
import pytest

import outlier_model

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "integration" / "reference"))

import qllm_reference  # noqa: E402
import reassembly_plan  # noqa: E402
import reassembly_reference as reference  # noqa: E402
import rtn_reference  # noqa: E402

NONE = np.empty((0, 2), np.int64)


@pytest.fixture
def site():
    """Activation [tokens, channels] with two outliers, and weight [outputs, channels]."""
    random = np.random.default_rng(11)
    x = random.normal(size=(64, 20))
    x[:, [3, 10]] *= [7, 12]
    return x, random.normal(size=(9, 20))


def test_a_split_is_exact(site):
    x, w = site
    counts = reference.disassembly_counts(np.abs(x).max(0), 4.0)
    assert counts.max() > 2 and counts.min() == 1
    layout = reference.make_layout(counts, NONE)
    np.testing.assert_allclose(layout.activation(x) @ layout.weight(w).T, x @ w.T, rtol=1e-12)
    # What the split is for: no copy reaches further than the threshold.
    assert np.abs(layout.activation(x)).max() <= 4.0


@pytest.mark.parametrize("i, j", [(0, 1), (4, 7), (18, 3)])
def test_the_error_of_a_merge_has_a_closed_form(site, i, j):
    x, w = site
    layout = reference.make_layout(np.ones(20, np.int64), np.array([[i, j]]))
    lost = x @ w.T - layout.activation(x) @ layout.weight(w).T
    np.testing.assert_allclose(lost, np.outer(x[:, i] - x[:, j], w[:, i] - w[:, j]) / 2, atol=1e-12)
    np.testing.assert_allclose((lost**2).sum(), reference.merge_error(x.T @ x, w, i, j), rtol=1e-12)


def test_scores_as_in_the_paper_are_errors_of_merges(site):
    x, w = site
    scores = reference.pair_scores(x, w, "paper")
    expected = [[reference.merge_error(x.T @ x, w, i, j) for j in range(1, 20, 2)] for i in range(0, 20, 2)]
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_the_code_scores_another_distance_than_the_paper(site):
    x, w = site
    by_code, by_paper = (reference.choose_pairs(reference.pair_scores(x, w, kind), np.zeros(20, bool), 5) for kind in reference.DISTANCES)
    assert sorted(by_code.tolist()) != sorted(by_paper.tolist())
    np.testing.assert_allclose(reference.pair_scores(x, w)[2, 0], ((x[:, 4] - x[:, 1])**2).sum() * (w[:, 4] + w[:, 1]).sum()**2)


def test_a_split_channel_is_never_merged_and_sources_are_even():
    scores = np.arange(9.0).reshape(3, 3)
    pairs = reference.choose_pairs(scores, np.array([True, True, False, False, False, False]), 2)
    # Even channel 0 and odd channel 1 are split; 2 and 4 both take 3, whose score is least.
    assert pairs.tolist() == [[2, 3], [4, 3]]


def test_members_of_a_merge_count_equally():
    layout = reference.make_layout(np.ones(6, np.int64), np.array([[2, 3], [4, 3]]))
    x = np.array([[1.0, 2, 3, 6, 9, 5]])
    assert layout.activation(x).tolist() == [[1, 2, 6, 5]]
    assert layout.weight(x).tolist() == [[1, 2, 18, 5]]


def test_the_search_keeps_the_number_of_channels_and_the_least_error():
    random = np.random.default_rng(4)
    x, w = random.normal(size=(32, 40)).astype(np.float32), random.normal(size=(16, 40)).astype(np.float32)
    x[:, [5, 20]] *= 15
    block = lambda x, w: x @ w.T
    found = reference.search(x, w, np.abs(x).max(0), block, 4, 4)
    assert 0 < found.added <= 8 and found.tried > 1
    layout = reference.make_layout(found.counts, found.pairs)
    assert layout.slots == 40
    assert found.error < found.plain_error
    quantized = block(rtn_reference.fake_quantize(layout.activation(x), 4), rtn_reference.fake_quantize(layout.weight(w), 4))
    np.testing.assert_allclose(np.square(quantized - block(x, w)).mean(), found.error, rtol=1e-5)


def test_outliers_leave_the_function_of_the_model(tmp_path):
    ids = np.arange(12) * 7 % outlier_model.VOCABULARY
    plain, scaled = (qllm_reference.FloatModel(outlier_model.write_model(tmp_path / f"{outliers}.onnx", 2, outliers)) for outliers in (0, 1))
    # Only the seeds' draws for the outliers differ between the layers that follow, hence one layer is compared.
    for model in (plain, scaled):
        model.layers = model.layers[:1]
    np.testing.assert_allclose(plain.logits(ids), scaled.logits(ids), atol=2e-4)
    reach = lambda model: np.abs(model.layer_sites(model.layers[0], [model.table[ids]])[0]["down"]).max()
    assert reach(scaled) > 2 * reach(plain)


def test_plans_are_read_as_mlir_prints_them(tmp_path):
    (tmp_path / "plan.mlir").write_text(
        '%1 = qllm.linear %0, %w {qllm.name = "layers.1.down_proj", qllm.reassembly = {losses = array<f64: 2.0, 1.0>, parts = '
        "array<i64: 1, 2, 1, 1>, targets = array<i64: 0, 1, 2, 3, 3>, threshold = 2.500000e+00 : f64}} : tensor<4xf32>\n")
    planned = reassembly_plan.read_plan(tmp_path)["layers.1.down_proj"]
    assert planned.threshold == 2.5 and planned.counts.tolist() == [1, 2, 1, 1] and planned.pairs.tolist() == [[4, 3]]
    assert reassembly_plan.number("0x4004000000000000") == 2.5
    decision = reference.Decision(2.5004, 0.01, np.array([1, 2, 1, 1]), np.array([[4, 3]]), 0, 0, 1)
    agreement = reassembly_plan.Agreement()
    assert agreement.add(decision, planned) == "yes"
    decision.pairs, decision.threshold = np.array([[0, 3]]), 2.51
    assert agreement.add(decision, planned) == "differs: threshold, pairs"
    assert agreement.add(decision, None) == "differs: plan"
    assert agreement.summary() == "of 3 sites, 1 agree in the threshold, 2 in the counts, 1 in the pairs, 1 in all"
    (tmp_path / "plan.mlir").write_text("module {}\n")
    with pytest.raises(SystemExit, match="expected linears with qllm.reassembly"):
        reassembly_plan.read_plan(tmp_path)
