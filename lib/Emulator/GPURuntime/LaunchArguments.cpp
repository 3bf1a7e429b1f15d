// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers are used where they lie; the rest is checked or copied.

#include "LaunchArguments.h"

#include "Leave.h"
#include <algorithm>
#include <cstring>

using namespace qllm::emu;

LaunchArguments::LaunchArguments(const Kernel &kernel, void *const *given, size_t count,
                                 const DeviceMemory &memory)
    : addresses(given, given + count) {
  if (count != kernel.parameters.size())
    leave(Exit::BadInput,
          "kernel '" + kernel.name + "' takes " + std::to_string(kernel.parameters.size()) +
              " arguments, but the launch has " + std::to_string(count) +
              " (a memref is several unless host code is lowered with bare pointers for kernels)");
  describeMemory(kernel, memory);
  for (size_t i = 0; i < count; ++i) {
    const Parameter &parameter = kernel.parameters[i];
    if (parameter.kind == ParameterKind::Other)
      leave(Exit::BadInput, "kernel '" + kernel.name + "' takes argument " + std::to_string(i) +
                                " in a type that the emulator does not know");
    if (parameter.kind == ParameterKind::Bytes)
      addByValue(i, parameter.bits / 8, given[i]);
  }
}

void LaunchArguments::describeMemory(const Kernel &kernel, const DeviceMemory &memory) {
  for (const auto &[address, piece] : memory.pieces()) {
    Buffer buffer{piece.name, piece.data, piece.size, true};
    std::string names;
    bool isWritten = false;
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (kernel.parameters[i].kind != ParameterKind::Pointer)
        continue;
      uint8_t *target;
      std::memcpy(&target, addresses[i], sizeof target);
      if (memory.find(target) != &piece)
        continue;
      names += (names.empty() ? "argument " : " and ") + std::to_string(i);
      isWritten |= !kernel.parameters[i].isReadOnly;
    }
    if (!names.empty()) {
      buffer.name = names;
      buffer.writable = isWritten;
    }
    described.push_back(std::move(buffer));
  }
}

void LaunchArguments::addByValue(size_t index, unsigned bytes, const void *value) {
  std::vector<Line> &copy = values.emplace_back((bytes + sizeof(Line) - 1) / sizeof(Line));
  std::memcpy(copy.data(), value, bytes);
  addresses[index] = copy.data();
  described.push_back(
      {"argument " + std::to_string(index) + " by value", copy.front().bytes, bytes, false});
}
