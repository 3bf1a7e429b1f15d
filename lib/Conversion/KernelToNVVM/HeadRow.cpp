// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of qllm.quantize and of the rotary embedding, one rounding for each operation.

#include "HeadRow.h"

#include "FloatMath.h"
#include "qllm/Format/Quantize.h"

#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

/// A step is at least that part of the greatest magnitude, so that zero points stay integers.
constexpr float smallestStepRatio = 0x1p-20f;

class HeadQuantizer {
public:
  HeadQuantizer(CodeBuilder &code, ArrayRef<Value> values, IntFormatAttr format, float clip,
                ArrayRef<int64_t> distances)
      : code(code), values(values), format(format), clip(clip), distances(distances) {}

  QuantizedHead quantize() {
    QuantizedHead head = format.isAsymmetric() ? asymmetricParameters() : symmetricParameters();
    Value low = code.constant(float(format.getMinCode()));
    Value high = code.constant(float(format.getMaxCode()));
    if (format.isAsymmetric()) {
      low = code.subtractFloat(low, head.zeroPoint);
      high = code.subtractFloat(high, head.zeroPoint);
    }
    for (Value value : values) {
      Value ratio = floats::divide(code, value, head.scale);
      ratio = floats::minimum(code, floats::maximum(code, ratio, low), high);
      head.centred.push_back(floats::roundToInteger(code, ratio));
    }
    return head;
  }

private:
  using Combine = Value (*)(CodeBuilder &, Value, Value);

  Value reduce(ArrayRef<Value> elements, Combine combine) {
    Value result = elements.front();
    for (Value element : elements.drop_front())
      result = combine(code, result, element);
    return floats::reduce(code, result, distances, combine);
  }

  Value clipped(Value bound) {
    return clip == 1 ? bound : code.multiplyFloat(bound, code.constant(clip));
  }

  QuantizedHead symmetricParameters() {
    SmallVector<Value> magnitudes;
    for (Value value : values)
      magnitudes.push_back(floats::maximum(code, value, floats::negate(code, value)));
    Value largest = clipped(reduce(magnitudes, floats::maximum));
    Value steps = code.constant(float(format.getMaxCode()));
    Value scale =
        floats::maximum(code, floats::divide(code, largest, steps), code.constant(scaleFloor));
    return {scale, code.constant(0.0f), {}};
  }

  QuantizedHead asymmetricParameters() {
    Value low = clipped(reduce(values, floats::minimum));
    Value high = clipped(reduce(values, floats::maximum));
    Value negatedLow = floats::negate(code, low);
    Value largest = floats::maximum(code, negatedLow, high);
    Value floor =
        floats::maximum(code, code.multiplyFloat(largest, code.constant(smallestStepRatio)),
                        code.constant(scaleFloor));
    Value steps = code.constant(float(format.getMaxCode()));
    Value scale =
        floats::maximum(code, floats::divide(code, code.subtractFloat(high, low), steps), floor);
    return {scale, floats::roundToInteger(code, floats::divide(code, negatedLow, scale)), {}};
  }

  CodeBuilder &code;
  ArrayRef<Value> values;
  IntFormatAttr format;
  float clip;
  ArrayRef<int64_t> distances;
};

} // namespace

HeadValues qllm::loadHead(CodeBuilder &code, Buffer matrix, Value head, const HeadPart &part) {
  int64_t bytes = matrix.elementType.getIntOrFloatBitWidth() / 8;
  Value start = code.add(head, code.extend64(part.first));
  Value pointer = code.advance(matrix.pointer, code.multiply(start, code.constant64(bytes)));
  HeadValues values;
  for (int64_t half : {0, 1})
    llvm::append_range(values,
                       floats::load(code, code.advance(pointer, half * part.headSize / 2 * bytes),
                                    matrix.elementType, part.count));
  return values;
}

void qllm::rotateHead(CodeBuilder &code, HeadValues &values, Buffer cosines, Buffer sines,
                      Value position, const HeadPart &part) {
  if (!cosines)
    return;
  Value row = code.multiply(code.extend64(position), code.constant64(part.headSize / 2));
  Value offset =
      code.multiply(code.add(row, code.extend64(part.first)), code.constant64(sizeof(float)));
  auto load = [&](Buffer table) {
    return floats::load(code, code.advance(table.pointer, offset), table.elementType, part.count);
  };
  SmallVector<Value> cosine = load(cosines), sine = load(sines);
  for (int64_t i = 0; i != part.count; ++i) {
    Value &first = values[i], &second = values[i + part.count];
    Value rotated = code.subtractFloat(code.multiplyFloat(cosine[i], first),
                                       code.multiplyFloat(sine[i], second));
    second =
        code.addFloat(code.multiplyFloat(sine[i], first), code.multiplyFloat(cosine[i], second));
    first = rotated;
  }
}

/// Sums and differences of elements at distances 1, 2, 4, ..: those of one half in a lane, then
/// those of its neighbours, then those of both halves.
void qllm::multiplyHadamard(CodeBuilder &code, HeadValues &values, Value lane,
                            const HeadPart &part) {
  for (int64_t distance = 1; distance != part.count; distance *= 2)
    floats::sumAndSubtract(code, values, distance);
  for (int64_t distance = 1; distance * part.count != part.headSize / 2; distance *= 2)
    floats::sumAndSubtractLanes(code, values, lane, distance);
  floats::sumAndSubtract(code, values, part.count);
  Value scale = code.constant(1.0f / std::sqrt(float(part.headSize)));
  for (Value &value : values)
    value = code.multiplyFloat(value, scale);
}

HeadValues qllm::subtractCenter(CodeBuilder &code, HeadValues &values, Buffer center, Value head,
                                const HeadPart &part) {
  if (!center)
    return {};
  HeadValues own = loadHead(code, center, code.extend64(head), part);
  for (auto [value, constant] : llvm::zip_equal(values, own))
    value = code.subtractFloat(value, constant);
  return own;
}

QuantizedHead qllm::quantizeHead(CodeBuilder &code, ArrayRef<Value> values, IntFormatAttr format,
                                 float clip, ArrayRef<int64_t> distances) {
  return HeadQuantizer(code, values, format, clip, distances).quantize();
}
