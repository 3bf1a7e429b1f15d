// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors have a byte for each code of four bits, device memory has half a byte.

#include "DeviceBuffer.h"

#include "qllm/Format/Packing.h"
#include <cstring>

using namespace qllm;
using namespace qllm::emu;

/// Device allocations begin at a multiple of this.
static constexpr size_t alignment = 256;

bool DeviceBuffer::allocate(ElementType type, int64_t count) {
  elementType = type;
  bytes = isPacked() ? size_t(count + 1) / 2 : size_t(count) * storageBytes(type);
  size_t room = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  memory.reset(static_cast<uint8_t *>(std::aligned_alloc(alignment, room)));
  if (memory)
    std::memset(memory.get(), 0xee, room);
  return memory != nullptr;
}

bool DeviceBuffer::upload(const Tensor &tensor) {
  if (!allocate(tensor.type(), tensor.size()))
    return false;
  if (!isPacked()) {
    std::memcpy(data(), tensor.rawData(), bytes);
    return true;
  }
  const ElementFormat &format = *ElementFormat::integer(4, elementType == ElementType::I4);
  return bool(packCodes(format, {tensor.data<uint8_t>(), size_t(tensor.size())}, {data(), bytes}));
}

void DeviceBuffer::download(Tensor &tensor) const {
  if (!isPacked()) {
    std::memcpy(tensor.rawMutableData(), memory.get(), bytes);
    return;
  }
  const ElementFormat &format = *ElementFormat::integer(4, elementType == ElementType::I4);
  (void)unpackCodes(format, {memory.get(), bytes},
                    {tensor.mutableData<uint8_t>(), size_t(tensor.size())});
}
