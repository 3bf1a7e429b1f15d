// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The geometry that convolutions and poolings share, for any number of spatial dimensions.

#ifndef QLLM_LIB_INTERPRETER_KERNELS_SLIDINGWINDOW_H
#define QLLM_LIB_INTERPRETER_KERNELS_SLIDINGWINDOW_H

#include "Axes.h"

namespace qllm::interp {

struct SlidingWindow {
  /// Per spatial dimension.
  Shape input, kernel, strides, dilations, padsBefore, padsAfter, output;

  /// Reads strides, dilations, pads, auto_pad and ceil_mode for a tensor [batch, channels,
  /// spatial...] and a kernel.
  LogicalResult read(KernelContext &ctx, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<int64_t> kernelShape);

  int64_t rank() const { return int64_t(input.size()); }
  int64_t inputSize() const { return *elementCount(input); }
  int64_t outputSize() const { return *elementCount(output); }
  int64_t kernelSize() const { return *elementCount(kernel); }

  /// Calls `body(kernelIndex, inputOffset)` for each place of the kernel at one output; the offset
  /// is -1 in the padding. Places beyond the padding, which ceil_mode can bring, are left out.
  template <typename Body> void forPlaces(int64_t outputIndex, Body body) const {
    Shape origin(rank()), place(rank());
    for (int64_t d = rank() - 1; d >= 0; --d) {
      origin[d] = outputIndex % output[d] * strides[d] - padsBefore[d];
      outputIndex /= output[d];
    }
    for (int64_t k = 0, count = kernelSize(); k < count; ++k) {
      int64_t rest = k, offset = 0, stride = 1;
      bool inside = true, counted = true;
      for (int64_t d = rank() - 1; d >= 0; --d) {
        int64_t at = origin[d] + rest % kernel[d] * dilations[d];
        rest /= kernel[d];
        inside = inside && at >= 0 && at < input[d];
        counted = counted && at < input[d] + padsAfter[d];
        offset += at * stride;
        stride *= input[d];
      }
      if (counted)
        body(k, inside ? offset : -1);
    }
  }
};

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_KERNELS_SLIDINGWINDOW_H
