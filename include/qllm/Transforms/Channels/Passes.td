// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotations, scales, shifts and permutations of channels. Every pass keeps the function that the
// model computes, in real arithmetic.

#ifndef QLLM_TRANSFORMS_CHANNELS_PASSES_TD
#define QLLM_TRANSFORMS_CHANNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

class ChannelsPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
}

class CalibratedChannelsPass<string flag> : ChannelsPass<flag> {
  list<Option> calibrationOptions = [
    Option<"calibration", "calibration", "std::string", "\"\"", "tokens or samples to look at, .npy or .npz">,
    Option<"calibrationWindows", "calibration-windows", "int64_t", "16",
           "windows at equal spacing over the calibration text">,
    Option<"calibrationLength", "calibration-length", "int64_t", "256", "tokens of a calibration window">,
    Option<"seed", "seed", "int64_t", "0", "of everything drawn at random">
  ];
}

def FoldNormGains : ChannelsPass<"qllm-fold-norm-gains"> {
  let summary = "move gains of RMS norms into the layers behind";
  let description = [{
    The gain of an `onnx.RMSNormalization` whose result only linear layers with float weights of their own read becomes
    a scale of their columns, and a vector of ones stays. A rotation of the residual stream needs this
    (`qllm-rotate-residual` does it by itself where it rotates). A layer whose table others read too (tied embeddings) keeps its norm as it is.

    ```mlir
    // RUN: qllm-opt --qllm-fold-norm-gains
    func.func @main(%x: tensor<?x2xf32>, %g: tensor<2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
      %y = qllm.linear %n, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x2xf32>, %arg1: tensor<2xf32>) -> tensor<?x2xf32> {
      %0 = onnx.Initializer "w" = dense<[[7.000000e+00, 5.000000e-01], [1.000000e+00, -7.000000e+00]]> : tensor<2x2xf32>
      %1 = onnx.Initializer "ones" = dense<1.000000e+00> : tensor<2xf32>
      %2 = onnx.RMSNormalization(%arg0, %1) {axis = -1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
      %3 = qllm.scale_channels %0 by %arg1 : tensor<2x2xf32>, tensor<2xf32>
      %4 = qllm.linear %2, %3 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %4 : tensor<?x2xf32>
    }
    ```
  }];
}

def RotateResidual : ChannelsPass<"qllm-rotate-residual"> {
  let summary = "rotate the residual stream by a randomised Hadamard matrix";
  let description = [{
    Every value of the residual stream is multiplied by Q = diag(signs) H, so that no channel stands out: x becomes x Q in
    front of every norm. Layers that write to the stream get rotated rows, layers that read it behind an RMS norm get the norm's
    gain and rotated columns (RMS norm without a gain commutes with a rotation). This costs nothing at run time (QuaRot,
    arXiv 2404.00456, section 4.1; SliceGPT, arXiv 2401.15024, section 3).

    H has all channels, as a product of a Hadamard matrix by Paley's constructions and one by Sylvester's: 576 = 36 x 16. Where
    the width has none, blocks of the largest size that has one are rotated, with a remark; `block` asks for a size.

    Where rotating a table is not possible, the stream is rotated when the model runs, and `qllm.kept` on the operation says why:
    an embedding that shares its table with the head is rotated behind, and the stream is turned back in front of the last norm.
    `untie` rotates a copy of the table instead; the remark says how many bytes that adds.

    A stream with a layer norm is left alone: it subtracts a mean, which does not commute with a rotation. Weights become expressions
    on the stored ones; whoever reads a weight evaluates it, one at a time.

    Cost: the IR only; no weight is read.

    ```mlir
    // RUN: qllm-opt --qllm-rotate-residual
    func.func @main(%ids: tensor<1x?xi64>) -> tensor<1x?x16xf32> {
      %t = onnx.Initializer "t" = dense<1.0> : tensor<16x8xf32>
      %g = onnx.Initializer "g" = dense<2.0> : tensor<8xf32>
      %w = onnx.Initializer "w" = dense<3.0> : tensor<16x8xf32>
      %x = qllm.embedding %ids, %t {qllm.name = "embed"} : (tensor<1x?xi64>, tensor<16x8xf32>) -> tensor<1x?x8xf32>
      %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<1x?x8xf32>, tensor<8xf32>) -> tensor<1x?x8xf32>
      %y = qllm.linear %n, %w {qllm.name = "head"} : (tensor<1x?x8xf32>, tensor<16x8xf32>) -> tensor<1x?x16xf32>
      onnx.Return %y : tensor<1x?x16xf32>
    }
    ```
  }];
  let options = [
    Option<"block", "block", "int64_t", "0", "channels that are mixed with each other; 0 for the largest number possible">,
    Option<"untie", "untie", "bool", "false", "give embedding and lm_head a table each where they share one">,
    Option<"seed", "seed", "int64_t", "0", "of the signs">
  ];
}

def RotateHeads : ChannelsPass<"qllm-rotate-heads"> {
  let summary = "rotate the heads of attention";
  let description = [{
    *Values* (`values`): the channels of every head are rotated by diag(signs) H, all heads alike, in the rows of v and the columns of
    o; attention mixes tokens, never channels, so nothing is left to do at run time. Where values do not come straight
    from a layer, a remark says so and nothing changes.

    *Queries and keys* (`queries`): both are rotated by H when the model runs, behind rotary embedding, which a rotation must not
    cross: q H (k H)^T = q k^T. One Hadamard transform of a head each.

    Sections 4.2 and 4.3 of QuaRot (arXiv 2404.00456). Heads without a Hadamard matrix of their size are left alone, with a remark.

    ```mlir
    // RUN: qllm-opt --qllm-rotate-heads=values=false
    func.func @main(%q: tensor<1x2x?x4xf32>, %k: tensor<1x2x?x4xf32>, %v: tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32> {
      %a = onnx.Attention(%q, %k, %v) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>,
          resultSegmentSizes = array<i32: 1, 0, 0, 0>}
          : (tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
      onnx.Return %a : tensor<1x2x?x4xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<1x2x?x4xf32>, %arg1: tensor<1x2x?x4xf32>, %arg2: tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32> {
      %0 = qllm.rotate_channels %arg0 hadamard 4 : tensor<1x2x?x4xf32>
      %1 = qllm.rotate_channels %arg1 hadamard 4 : tensor<1x2x?x4xf32>
      %y = onnx.Attention(%0, %1, %arg2) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>,
          resultSegmentSizes = array<i32: 1, 0, 0, 0>}
              : (tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
      onnx.Return %y : tensor<1x2x?x4xf32>
    }
    ```
  }];
  let options = [
    Option<"values", "values", "bool", "true", "rotate values, in the weights of v and o">,
    Option<"queries", "queries", "bool", "true", "rotate queries and keys, at run time">,
    Option<"seed", "seed", "int64_t", "0", "of the signs">
  ];
}

def RotateInputs : ChannelsPass<"qllm-rotate-inputs"> {
  let summary = "rotate inputs of linear layers when the model runs";
  let description = [{
    The inputs of the layers that `targets` select are multiplied by a Hadamard matrix (randomised with `signs`), and so are the columns
    of their weights. For inputs that no rotation folds into, as that of a down projection: a product of a gate and a layer
    is not linear in what either produces.

    A width of 1536 is rotated by H12 (stride 128) and H128: 19 operations a channel.

    ```mlir
    // RUN: qllm-opt --qllm-rotate-inputs
    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
      %w = onnx.Initializer "w" = dense<1.0> : tensor<4x8xf32>
      %y = qllm.linear %x, %w {qllm.name = "layers.0.down_proj"} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
      onnx.Return %y : tensor<?x4xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x8xf32>) -> tensor<?x4xf32> {
      %0 = qllm.rotate_channels %arg0 hadamard 8 : tensor<?x8xf32>
      %1 = onnx.Initializer "w" = dense<1.000000e+00> : tensor<4x8xf32>
      %2 = qllm.rotate_channels %1 hadamard 8 : tensor<4x8xf32>
      %3 = qllm.linear %0, %2 {qllm.name = "layers.0.down_proj"} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
      onnx.Return %3 : tensor<?x4xf32>
    }
    ```
  }];
  let options = [
    ListOption<"targets", "targets", "std::string", "globs of the layers; *down_proj and *fc2 if empty">,
    Option<"block", "block", "int64_t", "0", "channels that are mixed with each other; 0 for the largest number possible">,
    Option<"signs", "signs", "bool", "false", "multiply by random signs first">,
    Option<"seed", "seed", "int64_t", "0", "of the signs">
  ];
}

def Smooth : CalibratedChannelsPass<"qllm-smooth"> {
  let summary = "move the difficulty of outliers from inputs to weights";
  let description = [{
    At every site of the kinds in `sites` (a value and the planned layers that read it), channel j of the input is divided by
    c_j = max|X_j|^alpha / max|W_j|^(1 - alpha) and column j of the weights is multiplied by it (SmoothQuant, arXiv 2211.10438, equation
    4). Maxima are over the calibration tokens, and over all layers of the site. The division then moves into the gain of the norm,
    the rows of `up`, or (equal for query heads that share values) the rows of v; where that is not possible it stays, and
    `qllm.kept` says why. The attribute `qllm.smooth_alpha` of the layers tells the alpha.

    `search` chooses alpha from 0, `step`, 2 `step`, .. 1, formats as planned, rounded to nearest:

    - `none`: `alpha` everywhere.
    - `layer`: for each site the alpha with the least error of the layers' outputs, 1 (nothing moved from weights) and 0 among them,
      and no migration at all.
    - `model`: one alpha for all sites, the one with the least error of what the whole model returns, so that the error of earlier
      layers counts (SmoothQuant+, arXiv 2312.03788); on `search-windows` of the windows. A remark shows the curve.

    Needs a plan (`qllm-plan-rounding`); layers without one are left alone.

    ```mlir
    // RUN: qllm-opt --qllm-smooth="alpha=0.5 calibration=x.npy sites=feed-forward-output"
    // DATA: x.npy 6x5x4
    func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 40.0, 0.5, 0.0], [1.0, -7.0, 0.3, 2.2]]> : tensor<2x4xf32>
      %y = qllm.linear %x, %w {qllm.name = "layers.0.down_proj",
          qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>],
        weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
      onnx.Return %y : tensor<1x?x2xf32>
    }
    ```
  }];
  let options = !listconcat([
    Option<"alpha", "alpha", "double", "0.5", "share of the input's range that moves into weights, 0 to 1">,
    Option<"search", "search", "std::string", "\"none\"", "none, layer or model">,
    Option<"step", "step", "double", "0.05", "between two values of alpha that are tried">,
    Option<"searchWindows", "search-windows", "int64_t", "2", "windows that a model's error is measured on">,
    ListOption<"sites", "sites", "std::string",
               "attention-input, attention-output, feed-forward-input, feed-forward-output, other; the inputs of both and the feed-forward output if empty">
  ], calibrationOptions);
}

def ShiftChannels : CalibratedChannelsPass<"qllm-shift-channels"> {
  let summary = "take a constant off inputs and put it into biases";
  let description = [{
    At every planned site of the kinds in `sites` (all if empty), d is taken off the input and W d is added to the bias: exact, and the
    range that remains is smaller. d is (min + max) / 2 of each channel with `by=middle` (MPTQ-ViT, arXiv 2401.14895), the mean
    with `by=mean`. Layer norms and layers in front take -d into their biases; behind an RMS norm or a product it is subtracted at
    run time.

    ```mlir
    // RUN: qllm-opt --qllm-shift-channels=calibration=x.npy
    // DATA: x.npy 6x5x4
    func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -7.0, 0.3, 2.2]]> : tensor<2x4xf32>
      %y = qllm.linear %x, %w {qllm.name = "fc", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>],
        weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
      onnx.Return %y : tensor<1x?x2xf32>
    }
    ```
  }];
  let options = !listconcat([
    Option<"by", "by", "std::string", "\"mean\"", "mean or middle">,
    ListOption<"sites", "sites", "std::string",
               "attention-input, attention-output, feed-forward-input, feed-forward-output, other; all if empty">
  ], calibrationOptions);
}

def PermuteChannels : CalibratedChannelsPass<"qllm-permute-channels"> {
  let summary = "put channels with similar ranges beside each other";
  let description = [{
    At every planned site of the kinds in `sites`, channels are clustered by k-means on their (maximum, minimum), 10 starts, and ordered
    cluster by cluster (RPTQ, arXiv 2304.01089, section 3.2). With activations planned in groups, channels of a group then have similar
    ranges. The order moves into rows of the layers in front (`up` and `gate` alike) where it can; behind a norm it is a gather at run
    time, which `qllm.kept` tells.

    ```mlir
    // RUN: qllm-opt --qllm-permute-channels="clusters=2 sites=other calibration=x.npy"
    // DATA: x.npy 6x5x4
    func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -7.0, 0.3, 2.2]]> : tensor<2x4xf32>
      %y = qllm.linear %x, %w {qllm.name = "fc", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>],
        weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
      onnx.Return %y : tensor<1x?x2xf32>
    }
    ```
  }];
  let options = !listconcat([
    Option<"clusters", "clusters", "int64_t", "32", "at most so many">,
    Option<"restarts", "restarts", "int64_t", "10", "starts of k-means">,
    ListOption<"sites", "sites", "std::string",
               "attention-input, attention-output, feed-forward-input, feed-forward-output, other; the inputs of both and the feed-forward output if empty">
  ], calibrationOptions);
}

#endif // QLLM_TRANSFORMS_CHANNELS_PASSES_TD
