// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of tensors: owned blocks that are kept for reuse, or bytes borrowed from a mapped file.

#ifndef QLLM_TENSOR_BUFFER_H
#define QLLM_TENSOR_BUFFER_H

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qllm {

/// Keeps freed blocks for the next tensor of about the same size: a model allocates the same sizes
/// again and again, and memory fresh from the system costs a page fault every 4 KiB. Blocks are
/// aligned to 64 bytes.
class BufferCache {
public:
  /// The cache that all tensors of the process share. It is safe to use from any thread.
  static BufferCache &get();

  /// A block of at least `bytes` bytes, or null when the system has no such amount of memory.
  std::shared_ptr<char> allocate(size_t bytes);

  /// Gives blocks that no tensor uses back to the system.
  void trim();

  /// Bytes in use by tensors now, and the most since the last call of `resetPeak`.
  size_t bytesInUse() const;
  size_t peakBytes() const;
  void resetPeak();

  ~BufferCache();
  BufferCache(const BufferCache &) = delete;

private:
  BufferCache();
  struct State;
  std::unique_ptr<State> state;
};

} // namespace qllm

#endif // QLLM_TENSOR_BUFFER_H
