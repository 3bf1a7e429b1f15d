// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who wants to hear how far a long pass is and where its time went, what it keeps, who helps with it,
// and who may have enough of it.

#ifndef QLLM_SUPPORT_RUNLISTENER_H
#define QLLM_SUPPORT_RUNLISTENER_H

#include "llvm/ADT/StringRef.h"
#include <cstddef>

namespace qllm {

class Journal;
class TaskRunner;

/// A context carries one for the passes that run in it (QLLMDialect::setRunListener); libraries do
/// not print.
class RunListener {
public:
  virtual ~RunListener() = default;
  virtual void progress(llvm::StringRef pass, size_t done, size_t total) {}
  /// Processor seconds of all threads that a part of a pass took in all.
  virtual void spent(llvm::StringRef pass, llvm::StringRef part, double seconds) {}
  /// Whether the run is to end as soon as it can, as a failure: asked between passes, sites and
  /// operations of the interpreter, from any thread. Once true, it stays so.
  virtual bool shouldStop() { return false; }
  /// Where finished work is kept for the case of an interruption; null for nowhere.
  virtual Journal *journal() { return nullptr; }
  /// Who runs tasks in other processes; null for nobody.
  virtual TaskRunner *taskRunner() { return nullptr; }
};

} // namespace qllm

#endif // QLLM_SUPPORT_RUNLISTENER_H
