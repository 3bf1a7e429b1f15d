# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line. PyTorch is imported only when there is something to train."""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

from qllm.tune.errors import TuneError
from qllm.tune.model import Model
from qllm.tune.structure import Structure, analyze

DESCRIPTION = """Low-rank error correction of a float ONNX model, as published with QLLM (arXiv 2310.08041, section 4.2).

MODEL is what `qllm quantize` leaves when it stops before rounding (reassembled channels, gathers explicit). Low-rank factors of all
linears and the gains of norms are trained against the layers of TEACHER, with the quantizers that `--recipe rtn` will use, and added to
the weights; rounding is left to `qllm quantize OUTPUT --recipe rtn`."""


def positive(kind):
    def parse(text: str):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"expected a value above 0, but got {text}")
        return value
    return parse


def bits(text: str) -> int:
    value = int(text)
    if value != 16 and not 2 <= value <= 8:
        raise argparse.ArgumentTypeError(f"expected 2 to 8 bits, or 16 for none, but got {text}")
    return value


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m qllm.tune", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="float ONNX model to correct")
    parser.add_argument("--teacher", type=Path, help="float ONNX model to follow (default: MODEL before tuning)")
    parser.add_argument("--calibration", type=Path, help=".npy of token ids")
    parser.add_argument("--calibration-windows", type=positive(int), default=16, metavar="N")
    parser.add_argument("--calibration-length", type=positive(int), default=256, metavar="N")
    parser.add_argument("-o", "--output", type=Path, help="the tuned ONNX model; weights go to OUTPUT.data")
    formats = parser.add_argument_group("formats, as of the recipe that rounds")
    formats.add_argument("--weight-bits", type=bits, default=4)
    formats.add_argument("--activation-bits", type=bits, default=4)
    formats.add_argument("--kv-bits", type=bits, help="of queries, keys and values (default: the activation bits)")
    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=int, default=10)
    training.add_argument("--rank", type=positive(int), default=4)
    training.add_argument("--alpha", type=positive(float), default=1.0, help="the branch is scaled by alpha / rank")
    training.add_argument("--learning-rate", type=positive(float), default=5e-4)
    training.add_argument("--layers-per-round", type=positive(int), default=4)
    training.add_argument("--seed", type=int, default=2)
    training.add_argument("--loss", choices=("mse", "per-token"), default="mse",
                          help="mse: as published; per-token: each token's error over its own energy")
    training.add_argument("--skip-sinks", action="store_true", help="leave tokens of massive activation out of the loss")
    training.add_argument("--keep-branch", action="store_true", help="write the factors as products of their own")
    training.add_argument("--no-final-norm", action="store_true", help="leave the last norm alone")
    training.add_argument("--threads", type=positive(int), default=1)
    parser.add_argument("--report", type=Path, help="write losses and gaps as JSON")
    parser.add_argument("--dry-run", action="store_true", help="print what would be trained; needs no data and no PyTorch")
    parser.add_argument("--quiet", action="store_true", help="errors only")
    return parser


def load_windows(path: Path, count: int, length: int) -> np.ndarray:
    """`count` windows at equal spacing over all tokens, the rule of every qllm tool."""
    try:
        tokens = np.load(path)
    except (OSError, ValueError) as error:
        raise TuneError(f"expected token ids in an .npy file, but '{path}' does not read: {error}") from error
    if not np.issubdtype(tokens.dtype, np.integer):
        raise TuneError(f"expected integers in '{path}', but got {tokens.dtype}")
    tokens = tokens.reshape(-1).astype(np.int64)
    if len(tokens) < length:
        raise TuneError(f"expected at least {length} tokens in '{path}', but got {len(tokens)}")
    step = (len(tokens) - length) // max(count - 1, 1)
    return np.stack([tokens[index * step : index * step + length] for index in range(count)])


def check_tokens(model: Model, structure: Structure, windows: np.ndarray, path: Path) -> None:
    table = structure.prefix[0].input[0]
    if model.is_initializer(table) and not (0 <= windows.min() and windows.max() < model.shape(table)[0]):
        raise TuneError(f"expected token ids from 0 to {model.shape(table)[0] - 1} in '{path}', but got {windows.min()} to {windows.max()}")


def describe(structure: Structure, rank: int) -> str:
    lines = []
    for index, layer in enumerate(structure.layers):
        lines.append(f"layer {index}: {len(layer.linears)} linears, {len(layer.norms)} norms, {len(layer.attentions)} attentions")
        lines += [f"  {linear.name} {linear.inputs} -> {linear.outputs}, {rank * (linear.inputs + linear.outputs)} parameters"
                  for linear in layer.linears]
    norm = structure.final_norm
    lines.append("final norm: " + (f"'{norm.name or norm.output[0]}'" if norm is not None else "none found"))
    return "\n".join(lines)


def check_pair(student: Structure, teacher: Structure, kv_bits: int) -> None:
    """What the rounds rely on."""
    if len(student.layers) != len(teacher.layers):
        raise TuneError(f"expected a teacher of {len(student.layers)} layers, but got {len(teacher.layers)}")
    for index, layer in enumerate(student.layers):
        if not layer.linears:
            raise TuneError(f"expected linears with constant weights in layer {index}, but found none")
        if kv_bits < 16 and not layer.attentions:
            raise TuneError(f"expected an Attention operator in layer {index} to quantize queries, keys and values, but found none; "
                            "export the model with qllm, which raises attention")


def run(options: argparse.Namespace) -> None:
    kv_bits = options.activation_bits if options.kv_bits is None else options.kv_bits
    student = Model(options.model)
    structure = analyze(student)
    teacher = Model(options.teacher or options.model)
    teacher_structure = analyze(teacher)
    check_pair(structure, teacher_structure, kv_bits)
    if options.dry_run:
        print(describe(structure, options.rank))
        return
    if options.output.resolve() in (student.path.resolve(), teacher.path.resolve()):
        raise TuneError(f"expected an output other than the models that are read, but got '{options.output}'")
    windows = load_windows(options.calibration, options.calibration_windows, options.calibration_length)
    check_tokens(student, structure, windows, options.calibration)
    try:
        from qllm.tune.rounds import Settings, tune
    except ImportError as error:
        raise TuneError(f"expected PyTorch, which the extra 'tuner' of this package installs, but got: {error}") from error
    settings = Settings(
        weight_bits=options.weight_bits, activation_bits=options.activation_bits, kv_bits=kv_bits, epochs=options.epochs,
        rank=options.rank, scale=options.alpha / options.rank, learning_rate=options.learning_rate,
        layers_per_round=options.layers_per_round, seed=options.seed, per_token=options.loss == "per-token",
        skip_sinks=options.skip_sinks, keep_branch=options.keep_branch, final_norm=not options.no_final_norm, threads=options.threads)
    log = (lambda line: None) if options.quiet else (lambda line: print(line, file=sys.stderr, flush=True))
    report = tune(student, structure, teacher, teacher_structure, windows, settings, log)
    student.save(options.output)
    if options.report:
        options.report.write_text(json.dumps(report, indent=1) + "\n")


def main(arguments=None) -> int:
    """0 done, 1 bad input, 2 wrong usage."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if not options.dry_run and (options.calibration is None or options.output is None):
        parser.error("expected --calibration and --output, or --dry-run")
    if options.epochs < 0:
        parser.error(f"expected 0 epochs or more, but got {options.epochs}")
    try:
        run(options)
    except TuneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
