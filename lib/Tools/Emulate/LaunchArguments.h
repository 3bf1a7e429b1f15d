// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arguments of a launch in memory: buffers as a device would have them, numbers in the kernel's
// types.

#ifndef QLLM_LIB_TOOLS_EMULATE_LAUNCHARGUMENTS_H
#define QLLM_LIB_TOOLS_EMULATE_LAUNCHARGUMENTS_H

#include "LaunchFile.h"
#include "qllm/Emulator/JIT.h"
#include "qllm/Emulator/Runtime/TensorMap.h"
#include <deque>

namespace qllm::tool {

class LaunchArguments {
public:
  /// Reads the inputs, and what results are compared with. Fails when the description does not fit
  /// the kernel. File names are relative to `folder`.
  llvm::Error load(const LaunchFile &file, const emu::Kernel &kernel, llvm::StringRef folder);
  const void *const *pointers() const { return addresses.data(); }
  std::vector<emu::Buffer> buffers() const;

  /// Writes the outputs.
  llvm::Error store() const;
  /// What differs from what is expected, a line each.
  std::vector<std::string> compare() const;

private:
  struct Aligned {
    void operator()(uint8_t *data) const { std::free(data); }
  };
  struct DeviceBuffer {
    const LaunchArgument *argument;
    ElementType type;
    Shape shape;
    size_t size;
    std::unique_ptr<uint8_t, Aligned> data;
    uint8_t *address;
    Tensor expected; ///< null if nothing is
    llvm::ArrayRef<char> bytes() const {
      return {reinterpret_cast<const char *>(data.get()), size};
    }
  };
  struct DeviceMap {
    const LaunchArgument *argument;
    emu::TensorMap map;
    uint8_t *address;
  };
  llvm::Error addArgument(const LaunchArgument &argument, const emu::Parameter &parameter);
  /// Memory for what type and shape ask for.
  llvm::Error allocate(DeviceBuffer &buffer);
  llvm::Error addBuffer(const LaunchArgument &argument);
  void addMap(const LaunchArgument &argument, bool byValue);
  /// Fills in the map, when all buffers are there.
  llvm::Error encode(DeviceMap &map) const;
  std::string path(llvm::StringRef name) const;

  std::string folder;
  uint64_t usedBytes = 0;
  /// Stable addresses: the kernel's arguments point into all.
  std::deque<DeviceBuffer> device;
  std::deque<DeviceMap> maps;
  std::deque<uint64_t> numbers;
  std::vector<const void *> addresses;
};

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_LAUNCHARGUMENTS_H
