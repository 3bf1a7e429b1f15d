// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops that element-wise kernels share.

#ifndef QLLM_LIB_INTERPRETER_KERNELS_ELEMENTWISE_H
#define QLLM_LIB_INTERPRETER_KERNELS_ELEMENTWISE_H

#include "Registration.h"
#include "qllm/Tensor/Broadcast.h"
#include "qllm/Tensor/Dispatch.h"

namespace qllm::interp {

using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

/// Elements of one piece of parallel work.
constexpr int64_t elementGrain = 32 * 1024;

inline LogicalResult unsupportedType(KernelContext &ctx, unsigned i) {
  return ctx.fail("element type " + llvm::Twine(elementTypeName(ctx.in(i).type())) +
                  " is not supported for operand " + llvm::Twine(i));
}

/// out[i] = function(in[i]) over runs: `body(in, out, count)`.
template <typename T, typename U, typename Body>
void mapRuns(ThreadPool &pool, const T *in, U *out, int64_t count, Body body) {
  pool.forRange(count, elementGrain,
                [&](int64_t begin, int64_t end) { body(in + begin, out + begin, end - begin); });
}

template <typename T, typename U, typename Function>
void mapElements(ThreadPool &pool, const T *in, U *out, int64_t count, Function function) {
  mapRuns(pool, in, out, count, [&](const T *from, U *to, int64_t length) {
    for (int64_t i = 0; i < length; ++i)
      to[i] = function(from[i]);
  });
}

/// out = function(a, b) with broadcasting. The three common inner runs have loops of their own that
/// the compiler can vectorize.
template <typename T, typename U, typename Function>
void combineElements(ThreadPool &pool, const BroadcastLoop &loop, const T *a, const T *b, U *out,
                     Function function) {
  bool moveA = loop.advances(0), moveB = loop.advances(1);
  loop.run(pool, [&](int64_t start, const BroadcastLoop::Offsets &offsets, int64_t count) {
    const T *left = a + offsets[0], *right = b + offsets[1];
    U *to = out + start;
    if (moveA && moveB)
      for (int64_t i = 0; i < count; ++i)
        to[i] = function(left[i], right[i]);
    else if (moveA)
      // A copy, as `to` may be the storage of an operand and hide that the value does not change.
      for (auto [i, value] = std::pair<int64_t, T>(0, *right); i < count; ++i)
        to[i] = function(left[i], value);
    else if (moveB)
      for (auto [i, value] = std::pair<int64_t, T>(0, *left); i < count; ++i)
        to[i] = function(value, right[i]);
    else
      std::fill(to, to + count, function(*left, *right));
  });
}

/// Checks that operands 0 and 1 have one type and broadcast together; gives the shape.
LogicalResult prepareBinary(KernelContext &ctx, Shape &shape);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_KERNELS_ELEMENTWISE_H
