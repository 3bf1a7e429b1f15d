// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who runs pieces of a long pass in other processes, perhaps on other machines.

#ifndef QLLM_SUPPORT_TASKRUNNER_H
#define QLLM_SUPPORT_TASKRUNNER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace qllm {

/// Passes find theirs by `RunListener::taskRunner`. Used by one thread at a time.
class TaskRunner {
public:
  virtual ~TaskRunner() = default;
  /// The results of `runTask(inputs, task)` for each task, in their order. `inputs` is what the
  /// tasks share and can be large. Fails where a task fails or nobody is left to run it.
  virtual llvm::Expected<std::vector<std::string>> run(llvm::StringRef inputs,
                                                       llvm::ArrayRef<std::string> tasks) = 0;
};

} // namespace qllm

#endif // QLLM_SUPPORT_TASKRUNNER_H
