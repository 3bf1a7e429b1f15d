// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A piece of device memory in the layout that kernels read.

#ifndef QLLM_LIB_EMULATOR_DEVICEBUFFER_H
#define QLLM_LIB_EMULATOR_DEVICEBUFFER_H

#include "qllm/Tensor/Tensor.h"
#include <cstdlib>
#include <memory>

namespace qllm::emu {

class DeviceBuffer {
public:
  /// Room for `count` elements, filled with a pattern that is no sensible value. False without
  /// memory.
  bool allocate(ElementType type, int64_t count);
  /// The same with the tensor's elements in it.
  bool upload(const Tensor &tensor);
  /// Back into a tensor of the same type and size.
  void download(Tensor &tensor) const;

  ElementType type() const { return elementType; }
  uint8_t *data() { return memory.get(); }
  size_t size() const { return bytes; }
  /// What the kernel's parameter is read from; stays valid while this is not moved.
  const void *argument() {
    address = memory.get();
    return &address;
  }

private:
  struct Free {
    void operator()(uint8_t *data) const { std::free(data); }
  };
  bool isPacked() const {
    return elementType == ElementType::I4 || elementType == ElementType::U4 ||
           elementType == ElementType::F4E2M1;
  }

  ElementType elementType = ElementType::Undefined;
  size_t bytes = 0;
  std::unique_ptr<uint8_t, Free> memory;
  uint8_t *address = nullptr;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_DEVICEBUFFER_H
