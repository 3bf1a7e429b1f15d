// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The typed data fields of a tensor (float_data and so on) as raw bytes.

#include "Tensors.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qllm::onnx;
using proto::TensorProto;

namespace {

template <typename Stored, typename Values> std::string toBytes(const Values &values) {
  std::string out(values.size() * sizeof(Stored), '\0');
  char *position = out.data();
  for (auto value : values) {
    Stored stored = static_cast<Stored>(value);
    std::memcpy(position, &stored, sizeof(Stored));
    position += sizeof(Stored);
  }
  return out;
}

/// int32_data holds four bytes of packed 2- and 4-bit elements in each entry, and one element otherwise.
template <typename Values> std::string packSmall(const Values &values, unsigned bits, uint64_t elements) {
  if (bits == 8)
    return toBytes<uint8_t>(values);
  if (bits == 16)
    return toBytes<uint16_t>(values);
  if (bits == 32)
    return toBytes<uint32_t>(values);
  std::string out((elements * bits + 7) / 8, '\0');
  if (bits == 2 || bits == 4) {
    // One entry holds the four bytes of 32 / bits elements; older writers put one byte in each.
    uint64_t perEntry = static_cast<uint64_t>(values.size()) * 4 <= out.size() + 3 ? 4 : 1;
    for (uint64_t i = 0; i != out.size(); ++i)
      out[i] = static_cast<char>(static_cast<uint32_t>(values[static_cast<int>(i / perEntry)]) >> (8 * (i % perEntry)));
    return out;
  }
  for (uint64_t i = 0; i != elements; ++i)
    for (unsigned bit = 0; bit != bits; ++bit)
      if (static_cast<uint32_t>(values[static_cast<int>(i)]) >> bit & 1)
        out[(i * bits + bit) / 8] = static_cast<char>(out[(i * bits + bit) / 8] | 1 << ((i * bits + bit) % 8));
  return out;
}

/// The first entry of int32_data that its element type cannot hold. Floats are there as their bits.
std::optional<int32_t> valueOutside(const TensorProto &tensor, unsigned bits) {
  if (bits != 8 && bits != 16)
    return std::nullopt;
  int64_t low = 0, high = (int64_t(1) << bits) - 1;
  if (tensor.data_type() == TensorProto::BOOL)
    high = 1;
  else if (tensor.data_type() == TensorProto::INT8 || tensor.data_type() == TensorProto::INT16)
    low = -(high + 1) / 2, high /= 2;
  for (int32_t value : tensor.int32_data())
    if (value < low || value > high)
      return value;
  return std::nullopt;
}

llvm::Error wrongCount(const char *field, uint64_t wanted, int found) {
  return llvm::createStringError(llvm::formatv("expected {0} values in {1}, but got {2}", wanted, field, found).str());
}

} // namespace

llvm::Expected<std::string> qllm::onnx::typedDataToRaw(const TensorProto &tensor, unsigned bits, uint64_t elements) {
  auto checked = [&](const char *field, uint64_t wanted, const auto &values, auto convert) -> llvm::Expected<std::string> {
    if (static_cast<uint64_t>(values.size()) != wanted)
      return wrongCount(field, wanted, values.size());
    return convert(values);
  };
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
  case TensorProto::COMPLEX64:
    return checked("float_data", elements * bits / 32, tensor.float_data(), [](auto &values) { return toBytes<float>(values); });
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX128:
    return checked("double_data", elements * bits / 64, tensor.double_data(), [](auto &values) { return toBytes<double>(values); });
  case TensorProto::INT64:
    return checked("int64_data", elements, tensor.int64_data(), [](auto &values) { return toBytes<int64_t>(values); });
  case TensorProto::UINT64:
    return checked("uint64_data", elements, tensor.uint64_data(), [](auto &values) { return toBytes<uint64_t>(values); });
  case TensorProto::UINT32:
    return checked("uint64_data", elements, tensor.uint64_data(), [](auto &values) { return toBytes<uint32_t>(values); });
  default:
    break;
  }
  if (std::optional<int32_t> outside = valueOutside(tensor, bits))
    return llvm::createStringError(llvm::formatv("expected values of {0} in int32_data, but got {1}",
                                                 TensorProto::DataType_Name(tensor.data_type()), *outside).str());
  uint64_t wanted = elements, bytes = (elements * bits + 7) / 8;
  if (bits == 2 || bits == 4)
    wanted = static_cast<uint64_t>(tensor.int32_data_size()) == bytes ? bytes : (bytes + 3) / 4;
  return checked("int32_data", wanted, tensor.int32_data(), [&](auto &values) { return packSmall(values, bits, elements); });
}
