// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements are compared as bits and printed as numbers.

#include "Differences.h"

#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace qllm;

namespace {

const char *elementAt(const Tensor &tensor, size_t index) {
  return tensor.rawData() + index * storageBytes(tensor.type());
}

std::string bitsText(const Tensor &tensor, size_t index) {
  size_t width = storageBytes(tensor.type());
  std::string bigEndian(elementAt(tensor, index), width);
  std::reverse(bigEndian.begin(), bigEndian.end());
  return "0x" + llvm::toHex(bigEndian, /*LowerCase=*/true);
}

/// The element as a number, as bits if it is none.
std::string valueText(const Tensor &tensor, size_t index) {
  ElementType type = tensor.type();
  if (isComplex(type))
    return bitsText(tensor, index);
  bool isReal = isFloat(type) || isMiniFloat(type);
  Tensor element =
      llvm::cantFail(Tensor::borrow(type, {}, {elementAt(tensor, index), storageBytes(type)}));
  llvm::Expected<Tensor> wide = cast(element, isReal                    ? ElementType::F64
                                              : isUnsignedInteger(type) ? ElementType::U64
                                                                        : ElementType::I64);
  if (!wide) {
    llvm::consumeError(wide.takeError());
    return bitsText(tensor, index);
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  if (isReal)
    // As many digits as tell one number of the type from another.
    os << llvm::format(type == ElementType::F64 ? "%.17g" : "%.9g", *wide->data<double>());
  else if (isUnsignedInteger(type))
    os << *wide->data<uint64_t>();
  else
    os << *wide->data<int64_t>();
  return text;
}

/// `[1, 2]` in row-major order.
std::string indexText(llvm::ArrayRef<int64_t> shape, size_t flat) {
  llvm::SmallVector<std::string> parts(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; flat /= size_t(shape[axis]))
    parts[axis] = std::to_string(flat % size_t(shape[axis]));
  return "[" + llvm::join(parts, ", ") + "]";
}

} // namespace

std::string qllm::tool::describeDifferences(const Tensor &wanted, const Tensor &found) {
  size_t width = storageBytes(wanted.type()), count = size_t(wanted.size()), different = 0,
         first = 0;
  for (size_t i = 0; i < count; ++i)
    if (std::memcmp(elementAt(wanted, i), elementAt(found, i), width) && different++ == 0)
      first = i;
  if (!different)
    return "";
  std::string expected = valueText(wanted, first), got = valueText(found, first);
  if (expected == got) { // numbers whose text does not tell them apart, such as NaNs
    expected = bitsText(wanted, first);
    got = bitsText(found, first);
  }
  return std::to_string(different) + " of " + std::to_string(count) +
         " elements are not as expected; the first is " + indexText(wanted.shape(), first) +
         ": expected " + expected + ", but got " + got;
}
