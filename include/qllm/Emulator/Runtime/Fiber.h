// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads of execution that hand over to each other: a switch saves registers and changes the
// stack, nothing more. No exception, thread-local variable or lock may be in use across one.

#ifndef QLLM_EMULATOR_RUNTIME_FIBER_H
#define QLLM_EMULATOR_RUNTIME_FIBER_H

#include <cstddef>
#include <cstdint>

namespace qllm::emu {

/// Memory from `base` up, and the address (at or below its end) that a stack grows down from.
struct Stack {
  uint8_t *base = nullptr;
  uint8_t *top = nullptr;
  bool contains(const void *address) const { return address >= base && address < top; }
};

/// Stacks of equal size, each above a page that faults.
class StackPool {
public:
  StackPool(size_t count, size_t bytes);
  ~StackPool();
  StackPool(const StackPool &) = delete;
  StackPool &operator=(const StackPool &) = delete;
  /// False when the system has no memory for so many.
  bool valid() const { return memory != nullptr; }
  Stack operator[](size_t index) const;

private:
  size_t count, stride;
  uint8_t *memory = nullptr;
};

class Fiber {
public:
  using Body = void (*)(void *argument);

  /// Makes the next switch to this fibre call `body`, which must not return.
  void start(Stack stack, Body body, void *argument);
  /// Continues `other` and returns when something switches back. This fibre is the running one, or
  /// stands for the thread's own stack.
  void switchTo(Fiber &other);
  const Stack &stack() const { return ownStack; }

private:
  void *context = nullptr;
  Body body = nullptr;
  void *argument = nullptr;
  Stack ownStack;
  friend struct FiberEntry;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_FIBER_H
