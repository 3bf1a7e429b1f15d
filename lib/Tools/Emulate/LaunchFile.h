// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What qllm-emu is told about a launch, as JSON.

#ifndef QLLM_LIB_TOOLS_EMULATE_LAUNCHFILE_H
#define QLLM_LIB_TOOLS_EMULATE_LAUNCHFILE_H

#include "qllm/Tensor/Tensor.h"
#include "llvm/Support/JSON.h"
#include <array>

namespace qllm::tool {

/// A tensor map of a buffer, innermost dimension first: of that of another argument, or of the
/// argument's own if `buffer` is empty. Sizes that are left
/// out are those of the buffer, strides those of whole rows.
struct LaunchTensorMap {
  std::string buffer;
  Shape sizes, strides, box, steps;
  int64_t swizzle = 0;
};

/// An argument of the kernel: a number, or a buffer or a tensor map of one.
struct LaunchArgument {
  std::string name;
  /// As it is written: no one type of C++ holds all that kernels take.
  std::optional<llvm::json::Value> number;
  std::optional<LaunchTensorMap> map;
  /// Files of a buffer, each empty if there is none: contents, where they go, and what must be in
  /// them at the end.
  std::string input, output, expect;
  /// What is in the buffer; Undefined if the file of `input` alone says so.
  ElementType type = ElementType::Undefined;
  Shape shape;
  /// Every byte of a buffer without `input`.
  uint8_t fill = 0xcd;

  bool isWritten() const { return input.empty() || !output.empty() || !expect.empty(); }
};

struct LaunchFile {
  std::string kernel;
  std::array<uint32_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  /// Zeros if it is left to the kernel.
  std::array<uint32_t, 3> cluster{};
  uint64_t sharedBytes = 0;
  std::vector<LaunchArgument> arguments;
};

llvm::Expected<LaunchFile> parseLaunchFile(llvm::StringRef text);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_LAUNCHFILE_H
