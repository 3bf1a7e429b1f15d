// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear layer of 64 outputs and 128 inputs, both of 8 bits, as a kernel of the fake driver.

#include <cstdint>

namespace {

constexpr int outputs = 64, depth = 128;

template <typename Type> Type *pointer(void *argument) { return *static_cast<Type **>(argument); }

} // namespace

// Nothing but rows is given at run time. The first bytes of a tensor map are the address here.
extern "C" int linear_int8_int8_n64_k128(void **arguments, const unsigned *grid) {
  const auto *x = pointer<int8_t>(arguments[0]), *w = pointer<int8_t>(arguments[1]);
  const auto *rowScales = pointer<float>(arguments[2]), *scales = pointer<float>(arguments[3]);
  auto *y = pointer<_Float16>(arguments[4]);
  int rows = *static_cast<int *>(arguments[5]);
  if (int(grid[0]) * 32 < rows)
    return 1;
  for (int m = 0; m < rows; ++m)
    for (int n = 0; n < outputs; ++n) {
      int sum = 0;
      for (int k = 0; k < depth; ++k)
        sum += x[m * depth + k] * w[n * depth + k];
      y[m * outputs + n] = _Float16(float(sum) * (rowScales[m] * scales[n]));
    }
  return 0;
}
