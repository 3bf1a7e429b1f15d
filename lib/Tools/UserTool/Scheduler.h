// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --scheduler: tasks on a Dask cluster, by way of the Python package, which knows Dask.

#ifndef QLLM_LIB_TOOLS_USERTOOL_SCHEDULER_H
#define QLLM_LIB_TOOLS_USERTOOL_SCHEDULER_H

#include "qllm/Support/TaskRunner.h"
#include <memory>

namespace qllm::tool {

/// Talks to a child process, `python3 -m qllm.distributed ADDRESS`, through its standard input, a
/// socket. Both sides send lists of byte strings: a count, then each with its size in front, in 64
/// bits. The child answers a list of inputs and tasks with "" and the results, or with a message;
/// once at its start, with "" or a message alone.
class Scheduler : public TaskRunner {
public:
  /// Fails where the child cannot be started or cannot reach the scheduler.
  static llvm::Expected<std::unique_ptr<Scheduler>> connect(llvm::StringRef address);
  ~Scheduler() override;

  llvm::Expected<std::vector<std::string>> run(llvm::StringRef inputs,
                                               llvm::ArrayRef<std::string> tasks) override;

  /// What was sent so far.
  size_t tasks() const { return taskCount; }
  uint64_t bytes() const { return byteCount; }

private:
  Scheduler(int child, int socket) : child(child), socket(socket) {}
  bool send(const void *data, size_t size);
  bool receive(void *data, size_t size);
  /// The list behind the message.
  llvm::Expected<std::vector<std::string>> answer(llvm::StringRef ifGone);

  int child, socket;
  size_t taskCount = 0;
  uint64_t byteCount = 0;
};

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_SCHEDULER_H
