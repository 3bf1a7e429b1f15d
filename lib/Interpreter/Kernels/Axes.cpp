// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Axes.h"
#include <cstring>

using namespace qllm;
using namespace qllm::interp;

LogicalResult interp::readAxes(KernelContext &ctx, unsigned operand, int64_t rank, Shape &axes,
                               bool &given) {
  given = true;
  if (ctx.has(operand)) {
    if (failed(ctx.integersOf(operand, axes)))
      return failure();
  } else if (std::optional<Shape> attribute = ctx.attrs().integers("axes")) {
    axes = *attribute;
  } else {
    given = false;
  }
  for (int64_t &axis : axes)
    if (failed(ctx.normalizeAxis(axis, rank)))
      return failure();
  return success();
}

AxisView::AxisView(llvm::ArrayRef<int64_t> shape, int64_t axis) : length(shape[axis]) {
  for (int64_t i = 0; i < axis; ++i)
    outer *= shape[i];
  for (int64_t i = axis + 1; i < int64_t(shape.size()); ++i)
    inner *= shape[i];
}

void interp::copyElements(Tensor &to, int64_t toOffset, const Tensor &from, int64_t fromOffset,
                          int64_t count) {
  if (to.type() == ElementType::String) {
    std::copy_n(from.strings().begin() + fromOffset, count, to.mutableStrings().begin() + toOffset);
    return;
  }
  size_t width = storageBytes(to.type());
  if (count > 0)
    std::memcpy(to.rawMutableData() + size_t(toOffset) * width,
                from.rawData() + size_t(fromOffset) * width, size_t(count) * width);
}

Shape interp::stridesOf(llvm::ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

namespace {

/// A permutation after dimensions of size 1 are dropped and dimensions that stay together are
/// merged.
struct Permutation {
  Shape sizes;   // of the result
  Shape strides; // in the input, per dimension of the result
};

Permutation simplify(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> permutation) {
  Shape strides = stridesOf(shape);
  Permutation result;
  for (int64_t axis : permutation) {
    if (shape[axis] == 1)
      continue;
    if (!result.sizes.empty() && result.strides.back() == strides[axis] * shape[axis]) {
      result.sizes.back() *= shape[axis];
      result.strides.back() = strides[axis];
      continue;
    }
    result.sizes.push_back(shape[axis]);
    result.strides.push_back(strides[axis]);
  }
  if (result.sizes.empty()) {
    result.sizes.push_back(1);
    result.strides.push_back(1);
  }
  return result;
}

int64_t offsetOf(int64_t index, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> strides) {
  int64_t offset = 0;
  for (int64_t d = int64_t(sizes.size()) - 1; d >= 0; --d) {
    offset += index % sizes[d] * strides[d];
    index /= sizes[d];
  }
  return offset;
}

/// Square tiles keep both the reads and the writes of a transposition within the nearest cache.
template <typename T>
void transposeTiles(const T *in, int64_t inStride, T *out, int64_t rows, int64_t columns) {
  constexpr int64_t tile = 16;
  for (int64_t row = 0; row < rows; row += tile)
    for (int64_t column = 0; column < columns; column += tile)
      for (int64_t r = row; r < std::min(rows, row + tile); ++r)
        for (int64_t c = column; c < std::min(columns, column + tile); ++c)
          out[r * columns + c] = in[c * inStride + r];
}

template <typename T>
void permute(ThreadPool &pool, const T *in, T *out, int64_t count, const Permutation &p) {
  int64_t columns = p.sizes.back(), step = p.strides.back(), rank = int64_t(p.sizes.size());
  llvm::ArrayRef<int64_t> sizes = p.sizes, strides = p.strides;
  // Rows of the result whose neighbour is the next element of the input: transpose two dimensions
  // at a time.
  if (step != 1 && rank >= 2 && strides[rank - 2] == 1) {
    int64_t rows = sizes[rank - 2], planes = count / (rows * columns);
    int64_t cuts = std::max<int64_t>(1, rows / 64), cut = (rows + cuts - 1) / cuts;
    pool.forRange(planes * cuts, std::max<int64_t>(1, elementGrain / (cut * columns)),
                  [&](int64_t begin, int64_t end) {
                    for (int64_t piece = begin; piece < end; ++piece) {
                      int64_t plane = piece / cuts, row = piece % cuts * cut;
                      const T *from =
                          in + offsetOf(plane, sizes.drop_back(2), strides.drop_back(2)) + row;
                      transposeTiles(from, step, out + (plane * rows + row) * columns,
                                     std::min(cut, rows - row), columns);
                    }
                  });
    return;
  }
  pool.forRange(count / columns, std::max<int64_t>(1, elementGrain / columns),
                [&](int64_t begin, int64_t end) {
                  for (int64_t row = begin; row < end; ++row) {
                    const T *from = in + offsetOf(row, sizes.drop_back(), strides.drop_back());
                    T *to = out + row * columns;
                    if (step == 1)
                      std::copy(from, from + columns, to);
                    else
                      for (int64_t i = 0; i < columns; ++i)
                        to[i] = from[i * step];
                  }
                });
}

} // namespace

llvm::Expected<Tensor> interp::permuteAxes(ThreadPool &pool, const Tensor &input,
                                           llvm::ArrayRef<int64_t> permutation) {
  Shape shape;
  for (int64_t axis : permutation)
    shape.push_back(input.dim(axis));
  Permutation simple = simplify(input.shape(), permutation);
  if (input.size() == 0 || (simple.sizes.size() == 1 && simple.strides[0] == 1))
    return input.reshaped(shape);
  llvm::Expected<Tensor> result = Tensor::allocate(input.type(), shape);
  if (!result)
    return result;
  bool moved = dispatchStorage(input.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    permute(pool, input.data<T>(), result->mutableData<T>(), input.size(), simple);
  });
  for (int64_t i = 0; !moved && i < input.size(); ++i)
    result->mutableStrings()[i] = input.strings()[offsetOf(i, simple.sizes, simple.strides)];
  return result;
}

bool interp::transposed(KernelContext &ctx, const Tensor &input,
                        llvm::ArrayRef<int64_t> permutation, Tensor &result) {
  llvm::Expected<Tensor> moved = permuteAxes(ctx.pool(), input, permutation);
  if (!moved) {
    (void)ctx.fail(moved.takeError());
    return false;
  }
  result = *moved;
  return true;
}
