// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The claims of qllm's passes, in one table, in the order in which a model meets them.

#include "qllm/Validation/Claim.h"

using namespace qllm;

namespace {

constexpr Claim identical(const char *pass, const char *reason) {
  return {pass, ClaimKind::Identical, 0, /*keepsQuantizers=*/true, reason};
}
constexpr Claim equivalent(const char *pass, unsigned roundings, const char *reason,
                           bool keepsQuantizers = false) {
  return {pass, ClaimKind::Equivalent, roundings, keepsQuantizers, reason};
}
constexpr Claim changes(const char *pass, const char *reason) {
  return {pass, ClaimKind::Changes, 0, /*keepsQuantizers=*/true, reason};
}
constexpr Claim elsewhere(const char *pass, const char *reason) {
  return {pass, ClaimKind::Elsewhere, 0, /*keepsQuantizers=*/true, reason};
}

const Claim table[] = {
    // MLIR's own, as far as recipes and users put them between ours.
    identical("canonicalize", "folds and canonical forms of our dialects keep bits"),
    identical("cse", "equal operations on equal operands have equal results"),
    identical("symbol-dce", "nothing that runs refers to what goes"),

    // Raising.
    identical("onnx-simplify", "only what moves or keeps elements is dropped or merged"),
    equivalent("onnx-raise-contrib", 4,
               "a fused operator rounds once where its parts round up to four times in a row"),
    equivalent(
        "onnx-raise-norm", 4,
        "square, mean, root and product round one by one in the parts, and as one in f64 sums"),
    equivalent("onnx-raise-activation", 4,
               "the parts of an activation round up to four times in a row, the operator once"),
    equivalent("onnx-raise-rotary", 2, "two products and a sum, in either form"),
    equivalent("onnx-raise-attention", 4,
               "scale, softmax and products, with the scale on another side of the product"),
    identical("onnx-share-sizes", "a size is asked of another value that provably has it"),
    identical("onnx-name-layers", "sets attributes"),
    identical("qllm-report-matmuls", "changes nothing"),
    equivalent("convert-onnx-to-qllm", 1,
               "the same product by the same routine, which reads its weight in another order"),

    // Plans.
    identical("qllm-plan-rounding", "sets attributes"),
    identical("qllm-plan-group-sizes", "sets attributes"),
    identical("qllm-plan-group-axis", "sets attributes"),
    identical("qllm-plan-reassembly", "sets attributes"),

    // Equivalent transforms of channels.
    equivalent("qllm-fold-norm-gains", 2, "a gain rounds on the weight instead of the input"),
    equivalent("qllm-rotate-residual", 6,
               "a transform of up to 4096 channels adds in 12 steps, on inputs and on weights: 24 "
               "roundings "
               "of random sign are those of 5, and one for the signs and gains"),
    equivalent("qllm-rotate-heads", 6, "as qllm-rotate-residual, for the channels of a head"),
    equivalent("qllm-rotate-inputs", 6, "as qllm-rotate-residual, at run time"),
    equivalent("qllm-smooth", 3,
               "a division of the input or its producer, a product on the weight, a new scale"),
    equivalent("qllm-shift-channels", 4,
               "the constant is taken off the input, and its product with the weight, a sum of its "
               "own, comes back"),
    equivalent("qllm-permute-channels", 1, "sums in another order"),
    equivalent("qllm-fold-channel-transforms", 6,
               "each transform rounds on the weight instead of the input, a rotation as in "
               "qllm-rotate-residual"),

    // Quantization.
    changes("qllm-apply-reassembly", "merged channels share what they add"),
    changes("qllm-quantize-sites", "rounds weights and activations"),
    changes("qllm-quantize-weights", "rounds weights"),
    changes("qllm-quantize-activations", "rounds activations at run time"),

    // Ways out.
    equivalent(
        "convert-qllm-to-onnx", 4,
        "every formula in standard operators, each of which rounds; codes may differ where a value "
        "lies within these roundings of the middle between two",
        /*keepsQuantizers=*/true),
    elsewhere("convert-qllm-to-kernel",
              "kernels run on the emulator: test/Conversion/QLLMToKernel/execution.test"),
    elsewhere(
        "page-kv-cache",
        "the function takes other arguments: test/Conversion/QLLMToKernel/page-kv-cache.test"),
    elsewhere("fold-kernel-weights",
              "constants of kernels: test/Conversion/QLLMToKernel/execution.test"),
    elsewhere("unfold-kernel-weights",
              "constants of kernels: test/Conversion/QLLMToKernel/unfold-kernel-weights.mlir"),
    elsewhere("convert-kernel-to-nvvm",
              "kernels run on the emulator: test/Conversion/KernelToNVVM"),
    elsewhere("convert-kernel-to-gpu",
              "host code runs on the emulator: test/Conversion/KernelToGPU/layer.test"),
    elsewhere("qllm-expand-kernel-instructions", "code of a device"),
    elsewhere("qllm-find-toolkit", "code of a device, for which it looks for an assembler"),
    elsewhere("qllm-check-gpu-targets", "code of a device, which is only looked at"),
    elsewhere("qllm-instrument-kernels", "a part of the emulator: test/Emulator"),
    elsewhere("qllm-lower-nvvm-to-host", "a part of the emulator: test/Emulator"),
    elsewhere("qllm-embed-for-emulator", "host code for the emulator: test/Emulator/Host"),
};

} // namespace

llvm::ArrayRef<Claim> qllm::builtinClaims() { return table; }
