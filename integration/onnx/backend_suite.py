#!/usr/bin/env python3
"""Imports and exports every model of the onnx package's backend suite, and runs each before and after.

usage: backend_suite.py [--translate PATH] [--jobs N] [--filter TEXT] [--kinds KIND,...]

For each model: qllm-translate imports and exports it, the ONNX checker accepts the result, the result holds the same model (names,
nodes, attributes, values), and ONNX Runtime gives the same outputs, bit for bit, before and after, where it runs the model at all. Prints the counts, then every model
left with the reason. Exit status 1 if any model is left.
"""

import argparse
import collections
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
import onnx.backend.test.loader as loader
import onnxruntime
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "test/Python/support"))

from compare_models import differences, model as describe  # noqa: E402

KINDS = ("node", "simple", "light", "pytorch-converted", "pytorch-operator")
# What a case can end as; everything but the first two is a failure.
SAME, NOT_RUN, IMPORT, EXPORT, CHECKER, CHANGED, DIFFERENT = (
    "same results", "not run by ONNX Runtime", "import", "export", "checker", "changed", "different")

Case = collections.namedtuple("Case", "kind name model inputs")


def read_value(path, type_proto):
    """One input of a stored data set: a tensor, or whatever the model's input is."""
    kind = type_proto.WhichOneof("value")
    message = {"tensor_type": onnx.TensorProto, "sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}[kind]()
    message.ParseFromString(path.read_bytes())
    convert = {"tensor_type": numpy_helper.to_array, "sequence_type": numpy_helper.to_list, "optional_type": numpy_helper.to_optional}
    return convert[kind](message)


def stored_inputs(folder, model):
    sets = sorted(folder.glob("test_data_set_*"))
    if not sets:
        return None
    return [read_value(sets[0] / f"input_{i}.pb", value.type) for i, value in enumerate(model.graph.input)
            if (sets[0] / f"input_{i}.pb").exists()]


def random_inputs(model):
    """The `light` models come without inputs that ONNX Runtime's API could be given by name; any will do for before and after."""
    generator = numpy.random.default_rng(0)
    known = {tensor.name for tensor in model.graph.initializer}
    shapes = [[d.dim_value or 1 for d in value.type.tensor_type.shape.dim] for value in model.graph.input if value.name not in known]
    return [generator.standard_normal(shape).astype(numpy.float32) for shape in shapes]


def load_cases(kind):
    if kind == "light":
        folder = pathlib.Path(loader.DATA_DIR) / kind
        for path in sorted(folder.glob("*.onnx")):
            model = onnx.load(path)
            yield Case(kind, path.stem, model, random_inputs(model))
        return
    for case in loader.load_model_tests(kind=kind):
        if case.model is not None:
            yield Case(kind, case.name, case.model, case.data_sets[0][0] if case.data_sets else None)
        elif case.model_dir:
            model = onnx.load(pathlib.Path(case.model_dir) / "model.onnx")
            yield Case(kind, case.name, model, stored_inputs(pathlib.Path(case.model_dir), model))


def as_fed(value):
    """The suite also holds values as messages and as NumPy scalars, which ONNX Runtime does not take."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, (list, tuple)):
        return [as_fed(each) for each in value]
    return numpy.asarray(value)


def run_model(path, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    if inputs is None or len(inputs) < len(names):
        raise ValueError("no inputs are stored")
    # Absent optional inputs are None in the suite and simply not fed.
    return session.run(None, {name: as_fed(value) for name, value in zip(names, inputs) if value is not None})


def equal(left, right):
    if isinstance(left, (list, tuple)) or isinstance(right, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) or isinstance(right, dict):
        return isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if left is None or right is None:
        return left is right
    left, right = numpy.asarray(left), numpy.asarray(right)
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    return left.tolist() == right.tolist() if left.dtype == object else left.tobytes() == right.tobytes()


def same_shapes(left, right):
    return all(numpy.asarray(a).shape == numpy.asarray(b).shape for a, b in zip(left, right))


def convert(translate, before, folder):
    """Returns the path of the model after import and export, or the step that failed and its message."""
    module, after = folder / "model.mlir", folder / "after.onnx"
    for step, arguments in ((IMPORT, ["--import-onnx", before, "-o", module]), (EXPORT, ["--export-onnx", module, "-o", after])):
        try:
            result = subprocess.run([translate, *arguments], capture_output=True, text=True, timeout=120, errors="replace")
        except subprocess.TimeoutExpired:
            return step, "takes more than 120 s"
        if result.returncode != 0:
            return step, result.stderr.strip().splitlines()[-1] if result.stderr.strip() else f"exit status {result.returncode}"
    return None, after


def examine(arguments):
    translate, case, folder = arguments
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / "before.onnx"
    onnx.save(case.model, before)
    try:
        failed, after = convert(translate, before, folder)
        if failed:
            return case, failed, after
        try:
            onnx.checker.check_model(str(after))
        except onnx.checker.ValidationError as error:
            return case, CHECKER, " ".join(str(error).split())
        for line in differences(describe(case.model), describe(onnx.load(after))):
            return case, CHANGED, line
        try:
            expected = run_model(before, case.inputs)
        except Exception as error:  # ONNX Runtime has no common base of its exceptions
            return case, NOT_RUN, " ".join(str(error).split())[:120]
        try:
            found = run_model(after, case.inputs)
        except Exception as error:
            return case, DIFFERENT, "runs before, but after: " + " ".join(str(error).split())[:200]
        if equal(expected, found):
            return case, SAME, ""
        if not equal(expected, run_model(before, case.inputs)) and same_shapes(expected, found):
            return case, SAME, "random: only shapes compared"
        return case, DIFFERENT, "outputs differ"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def why(reason):
    """Groups ONNX Runtime's messages by what they have in common."""
    for text in ("NOT_IMPLEMENTED", "no inputs are stored", "Opset", "opset", "is not a registered function/op", "INVALID_GRAPH",
                 "INVALID_ARGUMENT", "Unsupported model IR version", "FAIL", "RUNTIME_EXCEPTION"):
        if text in reason:
            return text
    return reason[:80]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--translate", default=ROOT / "build/release/bin/qllm-translate", type=pathlib.Path)
    parser.add_argument("--jobs", default=2, type=int)
    parser.add_argument("--filter", default="", help="only models whose name has this text")
    parser.add_argument("--kinds", default=",".join(KINDS), help="only these kinds")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    onnxruntime.set_default_logger_severity(4)

    cases = [case for kind in options.kinds.split(",") for case in load_cases(kind) if options.filter in case.name]
    with tempfile.TemporaryDirectory() as scratch:
        work = [(str(options.translate), case, pathlib.Path(scratch) / str(i)) for i, case in enumerate(cases)]
        # fork: the cases hold models and arrays that need not be sent.
        with multiprocessing.get_context("fork").Pool(options.jobs) as pool:
            results = list(pool.imap_unordered(examine, work, chunksize=8))

    counts = collections.defaultdict(collections.Counter)
    for case, outcome, _ in results:
        counts[case.kind][outcome] += 1
    outcomes = (SAME, NOT_RUN, IMPORT, EXPORT, CHECKER, CHANGED, DIFFERENT)
    print(f"{'models':<18}{'all':>6}" + "".join(f"{outcome:>{len(outcome) + 3}}" for outcome in outcomes))
    for kind in counts:
        print(f"{kind:<18}{sum(counts[kind].values()):>6}" + "".join(f"{counts[kind][o]:>{len(o) + 3}}" for o in outcomes))
    reasons = collections.Counter(why(reason) for _, outcome, reason in results if outcome == NOT_RUN)
    print("ONNX Runtime does not run, before any import:")
    for reason, count in reasons.most_common():
        print(f"{count:>6}  {reason}")
    left = sorted((case.name, outcome, reason) for case, outcome, reason in results if outcome not in (SAME, NOT_RUN))
    for name, outcome, reason in left:
        print(f"{name}: {outcome}: {reason}")
    print(f"{len(results) - len(left)} of {len(results)} models survive import and export; "
          f"{sum(c[SAME] for c in counts.values())} run in ONNX Runtime, with the same results before and after")
    sys.exit(1 if left or not results else 0)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
