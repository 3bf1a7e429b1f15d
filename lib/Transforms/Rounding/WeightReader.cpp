// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversion and transposition of blocks of rows.

#include "WeightReader.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Format/HalfFloat.h"
#include <cstring>

using namespace mlir;
using namespace qllm;

llvm::Expected<WeightReader> WeightReader::create(interp::OperationRunner &runner, Value weight) {
  auto fail = [](const Twine &message) { return llvm::createStringError(message); };
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  ConstantView view = viewConstant(weight);
  if (!type || !type.hasStaticShape() || type.getRank() != 2 ||
      !(view || isConstantExpression(weight)))
    return fail("expected a constant of two dimensions");
  WeightReader reader;
  reader.numRows = type.getDimSize(0);
  reader.numColumns = type.getDimSize(1);
  if (!view) {
    llvm::Expected<MatrixF> values = evaluateConstantMatrix(runner, weight);
    if (!values)
      return values.takeError();
    reader.computed = std::make_shared<MatrixF>(std::move(*values));
    reader.bytes = {reinterpret_cast<const char *>(reader.computed->data()),
                    size_t(reader.computed->size()) * sizeof(float)};
    return reader;
  }
  reader.transposed = view.transposed;
  Type element = type.getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return fail("expected f32, f16 or bf16 elements");
  reader.storage = element.isF32() ? Storage::F32 : element.isF16() ? Storage::F16 : Storage::BF16;

  reader.owned = std::make_shared<llvm::SmallVector<char>>();
  auto bytes =
      onnx::DataFiles::get(weight.getContext()).bytes(constantData(view.source), *reader.owned);
  if (!bytes)
    return bytes.takeError();
  reader.bytes = *bytes;
  uint64_t wanted = onnx::storageBytes(type).value_or(0);
  if (reader.bytes.size() != wanted)
    return fail("expected " + Twine(wanted) + " bytes of data, but got " +
                Twine(reader.bytes.size()));
  return reader;
}

void WeightReader::convert(int64_t offset, int64_t count, float *out) const {
  if (storage == Storage::F32) {
    std::memcpy(out, bytes.data() + offset * sizeof(float), count * sizeof(float));
    return;
  }
  const char *in = bytes.data() + offset * sizeof(uint16_t);
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, in + i * sizeof(bits), sizeof(bits));
    out[i] = storage == Storage::F16 ? halfToFloat(bits) : bfloat16ToFloat(bits);
  }
}

ArrayRef<float> WeightReader::read(int64_t first, int64_t count,
                                   std::vector<float> &scratch) const {
  const char *start = bytes.data() + first * numColumns * sizeof(float);
  bool aligned = reinterpret_cast<uintptr_t>(start) % alignof(float) == 0;
  if (!transposed && storage == Storage::F32 && aligned)
    return {reinterpret_cast<const float *>(start), static_cast<size_t>(count * numColumns)};
  scratch.resize(count * numColumns);
  if (!transposed) {
    convert(first * numColumns, count * numColumns, scratch.data());
    return scratch;
  }
  // The file holds [in, out]: each of its rows gives one column of the block. Sixteen of its rows
  // at a time keep the lines written to in the first-level cache.
  constexpr int64_t tile = 16;
  std::vector<float> lines(tile * count);
  for (int64_t column = 0; column < numColumns; column += tile) {
    int64_t width = std::min(tile, numColumns - column);
    for (int64_t i = 0; i < width; ++i)
      convert((column + i) * numRows + first, count, lines.data() + i * count);
    for (int64_t row = 0; row < count; ++row)
      for (int64_t i = 0; i < width; ++i)
        scratch[row * numColumns + column + i] = lines[i * count + row];
  }
  return scratch;
}
