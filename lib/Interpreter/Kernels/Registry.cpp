// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Registration.h"

using namespace qllm::interp;

const KernelRegistry &KernelRegistry::builtin() {
  static const KernelRegistry registry = [] {
    KernelRegistry result;
    addUnaryKernels(result);
    addBinaryKernels(result);
    addComparisonKernels(result);
    addSelectionKernels(result);
    addReductionKernels(result);
    addShapeKernels(result);
    addMovementKernels(result);
    addPaddingKernels(result);
    addGatherKernels(result);
    addGeneratorKernels(result);
    addCastKernels(result);
    addMatMulKernels(result);
    addSoftmaxKernels(result);
    addNormalizationKernels(result);
    addAttentionKernels(result);
    addRotaryKernels(result);
    addGroupQueryKernels(result);
    addCacheUpdateKernels(result);
    addConvolutionKernels(result);
    addPoolingKernels(result);
    addResizeKernels(result);
    addEinsumKernels(result);
    addQuantizationKernels(result);
    addNBitsKernels(result);
    addSequenceKernels(result);
    return result;
  }();
  return registry;
}
