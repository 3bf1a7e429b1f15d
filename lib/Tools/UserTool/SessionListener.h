// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Progress of long work in the log of a session, and who helps with it.

#ifndef QLLM_LIB_TOOLS_USERTOOL_SESSIONLISTENER_H
#define QLLM_LIB_TOOLS_USERTOOL_SESSIONLISTENER_H

#include "qllm/Support/RunListener.h"
#include "qllm/Tools/UserTool/Session.h"

namespace qllm::tool {

class SessionListener : public RunListener {
public:
  explicit SessionListener(Session &session, TaskRunner *tasks = nullptr)
      : session(session), tasks(tasks) {}

  void progress(llvm::StringRef step, size_t done, size_t total) override {
    session.log.progress(step, done, total);
  }
  TaskRunner *taskRunner() override { return tasks; }

private:
  Session &session;
  TaskRunner *tasks;
};

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_SESSIONLISTENER_H
