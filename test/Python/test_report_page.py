# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pages of `qllm quantize --report` and `qllm compare --report`: complete, closed, safe against names, and drawn by a browser."""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest

from report_page import BROWSER, check_self_contained, render

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")) / "bin"
HOSTILE = "</script><script>document.title='gone'</script><img src=x onerror=alert(1)>"
needs_browser = pytest.mark.skipif(not BROWSER, reason="no chromium on the PATH")


def tool(*words, code=0):
    result = subprocess.run([str(BIN / "qllm"), *map(str, words)], capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stderr
    return result


def write_hostile_model(path):
    """Two products in a row, whose names are markup."""
    rng = np.random.default_rng(0)
    weights = [onnx.numpy_helper.from_array(rng.standard_normal((16, 16), dtype=np.float32), f"w{i}{HOSTILE}") for i in range(2)]
    nodes = [onnx.helper.make_node("MatMul", ["x", weights[0].name], ["h"], f"a{HOSTILE}"), onnx.helper.make_node("MatMul", ["h", weights[1].name], ["y"], f"b{HOSTILE}")]
    shape = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, "tokens", 16]) for name in ("x", "y")]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", shape[:1], shape[1:], weights), opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("report")
    np.save(made / "tokens.npy", np.arange(900) * 7919 % 96)
    np.save(made / "x.npy", np.random.default_rng(1).standard_normal((3, 5, 16), dtype=np.float32))
    llama = ROOT / "test/Inputs/models/llama-dynamo-18.onnx"
    measured = ["--report-windows=2", "--report-length=64", "--calibration-windows=3", "--calibration-length=32", "--calibration", made / "tokens.npy", "--weight-bits=4", "--activation-bits=4"]
    tool("quantize", llama, "--recipe=qllm", "--reassembly=split", "--budget=0.2", "--kv-bits=4", *measured, "--report", made / "split.html", "-o", made / "split")
    tool("quantize", llama, "--recipe=qllm-plus", "--kv-bits=8", *measured, "--report", made / "plus.html", "-o", made / "plus")
    write_hostile_model(made / "hostile.onnx")
    tool("quantize", made / "hostile.onnx", "--recipe=rtn", "--weight-bits=4", "--report-tokens", made / "x.npy", "--report", made / "hostile.html", "-o", made / "hostile")
    tool("compare", made / "split", made / "plus", "--report", made / "pair.html")
    return made


PAGES = ["split", "plus", "hostile", "pair"]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_complete_and_closed(folder, name):
    text = (folder / f"{name}.html").read_text()
    page = check_self_contained(text)
    assert len(text) < 2_000_000
    results = ["split", "plus"] if name == "pair" else [name]
    for result, run in zip(results, page.data(), strict=True):
        assert run.pop("label") == result
        assert run == json.loads((folder / result / "report.json").read_text())


def test_names_stay_data(folder):
    text = (folder / "hostile.html").read_text()
    assert HOSTILE not in text and "<img" not in text
    layers = check_self_contained(text).data()[0]["coverage"]["layers"]
    assert [layer["weight"] for layer in layers] == [f"w{i}{HOSTILE}" for i in range(2)]
    assert layers[0]["name"] == f"a{HOSTILE}".replace("/", ".")  # paths in names become dotted names


def test_figures_agree_with_independent_ones(folder):
    """Perplexities are those of `qllm eval` on the same windows, errors of layers those of numpy."""
    losses = json.loads((folder / "split/report.json").read_text())["measurements"]["losses"]
    for model, key in ((ROOT / "test/Inputs/models/llama-dynamo-18.onnx", "before"), (folder / "split", "after")):
        printed = json.loads(tool("eval", model, "--tokens", folder / "tokens.npy", "--windows=2", "--window-length=64", "--json").stdout)
        assert printed["loss"] == pytest.approx(losses[key]["loss"], rel=1e-6)
    outputs = {}
    for name in ("hostile.onnx", "hostile"):
        results = []
        for window in np.load(folder / "x.npy")[[0, 2]]:  # two of three, at equal spacing
            np.save(folder / "window.npy", window[None])
            tool("run", folder / name, "--input", f"x={folder / 'window.npy'}", "-o", folder / "y.npz")
            results.append(np.load(folder / "y.npz")["y"])
        outputs[name] = np.concatenate(results)
    noise = outputs["hostile"] - outputs["hostile.onnx"]
    expected = 10 * np.log10((outputs["hostile.onnx"] ** 2).sum() / (noise**2).sum())
    layers = json.loads((folder / "hostile/report.json").read_text())["measurements"]["layers"]
    assert layers[-1]["accumulated_sqnr"] == pytest.approx(expected, rel=1e-4)


def test_report_says_what_reassembly_did(folder):
    sites = json.loads((folder / "split/report.json").read_text())["measurements"]["sites"]
    assert any(site["copies_added"] and site["split_channels"] for site in sites)
    for site in sites:
        assert site["quantized_channels"] == site["channels"] + site["copies_added"] - site["merged_channels"]
    plus = json.loads((folder / "plus/report.json").read_text())["measurements"]
    assert any(site["chosen"] in site["scores"] for site in plus["sites"])
    # Queries and keys were balanced and values centred, within the block: alone, the first block reads the same in both.
    assert all(layer["sqnr"] == pytest.approx(layer["accumulated_sqnr"], rel=1e-3) for layer in plus["layers"] if layer["block"] == 0)


def test_compare(folder):
    printed = tool("compare", folder / "split", folder / "plus").stdout
    assert "perplexity" in printed and "qllm-plus" in printed
    compared = json.loads(tool("compare", folder / "split", folder / "plus", "--json").stdout)
    runs = [json.loads((folder / name / "report.json").read_text()) for name in ("split", "plus")]
    for side, run in zip("ab", runs, strict=True):
        assert compared[side]["perplexity"] == run["measurements"]["losses"]["after"]["perplexity"]
        assert compared[side]["weight_bytes"] == run["coverage"]["weight_bytes"]
    assert compared["same_tokens"] and len(compared["layers"]) == len(runs[0]["coverage"]["layers"])
    other = json.loads(tool("compare", folder / "split", folder / "hostile", "--json").stdout)
    assert not other["same_tokens"] and len(other["layers"]) == len(runs[0]["coverage"]["layers"]) + 2


def test_page_of_a_result_that_is_there(folder, tmp_path):
    tool("report", folder / "plus", "-o", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (folder / "plus.html").read_bytes()
    # One that was not measured when it was made.
    llama, result = ROOT / "test/Inputs/models/llama-dynamo-18.onnx", tmp_path / "late"
    tool("quantize", llama, "--recipe=qllm-plus", "--kv-bits=8", "--calibration-windows=3", "--calibration-length=32", "--calibration", folder / "tokens.npy",
         "--weight-bits=4", "--activation-bits=4", "-o", result)
    message = tool("report", result, "-o", tmp_path / "late.html", code=1).stderr
    assert "was made without --report and has no measurements; expected --model MODEL --tokens FILE.npy to make them" in message
    assert not (tmp_path / "late.html").exists()
    tool("report", result, "--model", llama, "--tokens", folder / "tokens.npy", "--windows=2", "--length=64", "-o", tmp_path / "late.html")
    late, plus = (json.loads((path / "report.json").read_text()) for path in (result, folder / "plus"))
    assert late["measurements"] == plus["measurements"] and late["coverage"] == plus["coverage"]
    check_self_contained((tmp_path / "late.html").read_text())


@pytest.mark.parametrize("words, code, text", [
    (["{plus}"], 2, "expected a file for the page (-o FILE.html)"),
    (["{plus}", "-o", "{out}", "--tokens", "t.npy"], 2, "expected --model and --tokens together, or neither"),
    (["{out}", "-o", "{out}/page.html"], 2, "there is no directory"),
    (["{plus}/plan.mlir", "-o", "{out}"], 1, "expected a report of 'qllm quantize'"),
    (["{plus}", "-o", "{out}", "--model", "none.onnx", "--tokens", "{tokens}"], 1, "expected a model at 'none.onnx'"),
    (["{plus}", "-o", "{out}", "--model", "{plus}", "--tokens", "none.npy"], 2, "found no file 'none.npy'"),
    (["{edited}", "-o", "{out}", "--model", "{plus}", "--tokens", "{tokens}"], 1, "does not say by which passes the float model is made"),
])
def test_report_says_what_is_missing(folder, tmp_path, words, code, text):
    (tmp_path / "edited").mkdir()
    report = json.loads((folder / "plus/report.json").read_text())
    report["float_passes"] = "all"
    (tmp_path / "edited/report.json").write_text(json.dumps(report))
    names = {"plus": folder / "plus", "out": tmp_path / "out", "tokens": folder / "tokens.npy", "edited": tmp_path / "edited"}
    assert text in tool("report", *(word.format(**names) for word in words), code=code).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"coverage": []}', '{"coverage": {"rows": 3, "layers": []}}', '{"coverage": {"rows": []}}'])
def test_compare_refuses_what_is_no_report(folder, tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    result = tool("compare", folder / "split", tmp_path, code=1)
    assert "expected a report of 'qllm quantize'" in result.stderr and not result.stdout


def test_compare_survives_figures_of_other_types(folder, tmp_path):
    run = json.loads((folder / "split/report.json").read_text())
    run["measurements"] = {"losses": [1], "layers": {"name": 3}}
    run["run"] = {"stages": [1, {"seconds": "x"}], "files": "none"}
    run["coverage"]["layers"] = [1, {"name": 5}]
    (tmp_path / "report.json").write_text(json.dumps(run))
    assert json.loads(tool("compare", tmp_path, folder / "split", "--json").stdout)["a"]["perplexity"] is None


@needs_browser
@pytest.mark.parametrize("name", PAGES)
def test_browser_draws_without_a_word(folder, tmp_path, name):
    document, said = render(folder / f"{name}.html", tmp_path / "profile", "--dump-dom")
    assert not said, said
    assert 'data-ready="true"' in document and "<title>gone" not in document
    assert document.count("<svg") >= (2 if name == "hostile" else 6)


@needs_browser
@pytest.mark.parametrize("flags", [["--screenshot={}/page.png", "--window-size=1180,3000"], ["--screenshot={}/dark.png", "--blink-settings=preferredColorScheme=0"], ["--print-to-pdf={}/page.pdf"]], ids=["light", "dark", "print"])
def test_browser_shows_every_medium(folder, tmp_path, flags):
    _, said = render(folder / "pair.html", tmp_path / "profile", *(flag.format(tmp_path) for flag in flags))
    assert not said, said
    assert max(path.stat().st_size for path in tmp_path.iterdir() if path.is_file()) > 20_000
