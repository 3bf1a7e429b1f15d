// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MatMul, Gemm and the products fused with a transposition.

#include "MatMulShape.h"
#include "qllm/Tensor/Gemm.h"

using namespace qllm;
using namespace qllm::interp;

LogicalResult MatMulShape::compute(KernelContext &ctx, llvm::ArrayRef<int64_t> left,
                                   llvm::ArrayRef<int64_t> right, bool leftTransposed,
                                   bool rightTransposed) {
  auto misfit = [&] {
    return ctx.fail("expected matrices whose inner dimensions agree, but got " +
                    describeShape(left) + " and " + describeShape(right));
  };
  if (left.empty() || right.empty())
    return misfit();
  bool leftVector = left.size() == 1, rightVector = right.size() == 1;
  Shape a(left), b(right);
  if (leftVector)
    a.insert(a.begin(), 1);
  if (rightVector)
    b.push_back(1);
  if (leftTransposed && !leftVector)
    std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (rightTransposed && !rightVector)
    std::swap(b[b.size() - 1], b[b.size() - 2]);
  rows = a[a.size() - 2];
  depth = a.back();
  columns = b.back();
  llvm::ArrayRef<int64_t> batchA = llvm::ArrayRef<int64_t>(a).drop_back(2),
                          batchB = llvm::ArrayRef<int64_t>(b).drop_back(2);
  std::optional<Shape> batch = broadcastShape({batchA, batchB});
  if (depth != b[b.size() - 2] || !batch)
    return misfit();
  batches = elementCount(*batch).value_or(0);
  constexpr int64_t mostBatches = int64_t(1) << 28;
  if (!elementCount(*batch) || batches > mostBatches)
    return ctx.fail("expected at most " + llvm::Twine(mostBatches) + " products, but got " +
                    describeShape(*batch));
  leftIndex.assign(batches, 0);
  rightIndex.assign(batches, 0);
  auto fill = [&](llvm::ArrayRef<int64_t> dims, std::vector<int64_t> &index) {
    for (int64_t i = 0; i < batches; ++i) {
      int64_t rest = i, stride = 1;
      for (size_t back = 1; back <= batch->size(); ++back) {
        int64_t size = (*batch)[batch->size() - back],
                own = back <= dims.size() ? dims[dims.size() - back] : 1;
        index[i] += own == 1 ? 0 : rest % size * stride;
        stride *= own;
        rest /= size;
      }
    }
  };
  fill(batchA, leftIndex);
  fill(batchB, rightIndex);
  result = *batch;
  if (!leftVector)
    result.push_back(rows);
  if (!rightVector)
    result.push_back(columns);
  // One right matrix for all batches: the batches of the left are just more rows.
  if (batchB.empty() && !leftTransposed) {
    rows *= batches;
    batches = 1;
    leftIndex.assign(1, 0);
    rightIndex.assign(1, 0);
  }
  return success();
}

namespace {

void multiplyFloats(KernelContext &ctx, const MatMulShape &shape, const float *a, const float *b,
                    float *out, float alpha, bool leftTransposed, bool rightTransposed) {
  int64_t leftSize = shape.rows * shape.depth, rightSize = shape.depth * shape.columns,
          outSize = shape.rows * shape.columns;
  auto left = [&](int64_t i) {
    return MatrixView{a + shape.leftIndex[i] * leftSize, leftTransposed ? shape.rows : shape.depth,
                      leftTransposed};
  };
  auto right = [&](int64_t i) {
    return MatrixView{b + shape.rightIndex[i] * rightSize,
                      rightTransposed ? shape.depth : shape.columns, rightTransposed};
  };
  if (shape.batches < 4) {
    for (int64_t i = 0; i < shape.batches; ++i)
      matmul(ctx.pool(), shape.rows, shape.columns, shape.depth, alpha, left(i), right(i), 0,
             out + i * outSize, shape.columns);
    return;
  }
  ctx.pool().run(shape.batches, [&](int64_t i) {
    matmul(shape.rows, shape.columns, shape.depth, alpha, left(i), right(i), 0, out + i * outSize,
           shape.columns);
  });
}

/// Types that oneDNN does not serve.
template <typename T>
void multiplyPlainly(KernelContext &ctx, const MatMulShape &shape, const T *a, const T *b, T *out,
                     double alpha, bool leftTransposed, bool rightTransposed) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  int64_t leftSize = shape.rows * shape.depth, rightSize = shape.depth * shape.columns;
  ctx.pool().forRange(shape.batches * shape.rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      int64_t batch = line / shape.rows, row = line % shape.rows;
      const T *left = a + shape.leftIndex[batch] * leftSize,
              *right = b + shape.rightIndex[batch] * rightSize;
      for (int64_t column = 0; column < shape.columns; ++column) {
        Wide sum = 0;
        for (int64_t k = 0; k < shape.depth; ++k)
          sum +=
              Wide(left[leftTransposed ? k * shape.rows + row : row * shape.depth + k]) *
              Wide(right[rightTransposed ? column * shape.depth + k : k * shape.columns + column]);
        out[line * shape.columns + column] = std::is_floating_point_v<T> ? T(alpha * sum) : T(sum);
      }
    }
  });
}

LogicalResult multiply(KernelContext &ctx, double alpha, bool leftTransposed,
                       bool rightTransposed) {
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  MatMulShape shape;
  if (a.type() != b.type())
    return ctx.fail("expected operands of one element type, but got " + describe(a) + " and " +
                    describe(b));
  if (failed(shape.compute(ctx, a.shape(), b.shape(), leftTransposed, rightTransposed)))
    return failure();
  Tensor *out = ctx.allocate(0, a.type(), shape.result);
  if (!out)
    return failure();
  bool known = dispatchArithmetic(a.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    if constexpr (std::is_same_v<T, float>)
      multiplyFloats(ctx, shape, a.data<T>(), b.data<T>(), out->mutableData<T>(), float(alpha),
                     leftTransposed, rightTransposed);
    else
      multiplyPlainly(ctx, shape, a.data<T>(), b.data<T>(), out->mutableData<T>(), alpha,
                      leftTransposed, rightTransposed);
  });
  return known ? success() : unsupportedType(ctx, 0);
}

LogicalResult fusedMatMul(KernelContext &ctx) {
  if (ctx.attr("transBatchA", int64_t(0)) || ctx.attr("transBatchB", int64_t(0)))
    return ctx.fail("transBatchA and transBatchB are not supported");
  return multiply(ctx, ctx.attr("alpha", 1.0), ctx.attr("transA", int64_t(0)),
                  ctx.attr("transB", int64_t(0)));
}

/// out += beta * c, with c broadcast.
LogicalResult addScaled(KernelContext &ctx, Tensor &out, const Tensor &c, double beta) {
  std::optional<Shape> shape = broadcastShape({out.shape(), c.shape()});
  if (!shape || out.shape() != llvm::ArrayRef<int64_t>(*shape) || c.type() != out.type())
    return ctx.fail("expected an addend that broadcasts to " + describe(out) + ", but got " +
                    describe(c));
  BroadcastLoop loop(out.shape(), {out.shape(), c.shape()});
  bool known = dispatchArithmetic(out.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    using Factor = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;
    Factor factor = Factor(beta);
    T *data = out.mutableData<T>();
    combineElements(ctx.pool(), loop, static_cast<const T *>(data), c.data<T>(), data,
                    [=](T x, T y) { return T(x + T(factor * Factor(y))); });
  });
  return known ? success() : unsupportedType(ctx, 2);
}

LogicalResult gemm(KernelContext &ctx) {
  if (ctx.in(0).rank() != 2 || ctx.in(1).rank() != 2)
    return ctx.fail("expected two matrices, but got " + describe(ctx.in(0)) + " and " +
                    describe(ctx.in(1)));
  if (failed(multiply(ctx, ctx.attr("alpha", 1.0), ctx.attr("transA", int64_t(0)),
                      ctx.attr("transB", int64_t(0)))))
    return failure();
  return ctx.has(2) ? addScaled(ctx, *ctx.out(0), ctx.in(2), ctx.attr("beta", 1.0)) : success();
}

} // namespace

void interp::addMatMulKernels(KernelRegistry &registry) {
  registry.add("MatMul", [](KernelContext &ctx) { return multiply(ctx, 1.0, false, false); }, 2, 2);
  // What the executor makes of a MatMul whose right operand is a transposition of the last two
  // dimensions.
  registry.add(
      "MatMul.transposed", [](KernelContext &ctx) { return multiply(ctx, 1.0, false, true); }, 2,
      2);
  registry.add("ms.FusedMatMul", fusedMatMul, 2, 2);
  registry.add("Gemm", gemm, 2, 3);
}
