// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function a family, each adding its kernels.

#ifndef QLLM_LIB_INTERPRETER_KERNELS_REGISTRATION_H
#define QLLM_LIB_INTERPRETER_KERNELS_REGISTRATION_H

#include "qllm/Interpreter/Kernel.h"

namespace qllm::interp {

void addUnaryKernels(KernelRegistry &registry);
void addBinaryKernels(KernelRegistry &registry);
void addComparisonKernels(KernelRegistry &registry);
void addSelectionKernels(KernelRegistry &registry);
void addReductionKernels(KernelRegistry &registry);
void addShapeKernels(KernelRegistry &registry);
void addMovementKernels(KernelRegistry &registry);
void addPaddingKernels(KernelRegistry &registry);
void addGatherKernels(KernelRegistry &registry);
void addGeneratorKernels(KernelRegistry &registry);
void addCastKernels(KernelRegistry &registry);
void addMatMulKernels(KernelRegistry &registry);
void addEinsumKernels(KernelRegistry &registry);
void addSoftmaxKernels(KernelRegistry &registry);
void addNormalizationKernels(KernelRegistry &registry);
void addAttentionKernels(KernelRegistry &registry);
void addRotaryKernels(KernelRegistry &registry);
void addGroupQueryKernels(KernelRegistry &registry);
void addCacheUpdateKernels(KernelRegistry &registry);
void addConvolutionKernels(KernelRegistry &registry);
void addPoolingKernels(KernelRegistry &registry);
void addResizeKernels(KernelRegistry &registry);
void addQuantizationKernels(KernelRegistry &registry);
void addNBitsKernels(KernelRegistry &registry);
void addSequenceKernels(KernelRegistry &registry);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_KERNELS_REGISTRATION_H
