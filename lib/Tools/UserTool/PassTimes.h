// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What long passes tell: progress, and where their time went; and where they keep what is finished.

#ifndef QLLM_LIB_TOOLS_USERTOOL_PASSTIMES_H
#define QLLM_LIB_TOOLS_USERTOOL_PASSTIMES_H

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Support/RunListener.h"
#include "qllm/API/Report.h"
#include "qllm/Tools/UserTool/Session.h"
#include "llvm/Support/FormatVariadic.h"

namespace qllm::tool {

using api::Json;

/// Listens to the passes of a session as long as it lives.
class PassTimes : public RunListener {
public:
  explicit PassTimes(Session &session) : session(session) { dialect()->setRunListener(this); }
  ~PassTimes() override { dialect()->setRunListener(nullptr); }

  void progress(llvm::StringRef pass, size_t done, size_t total) override {
    session.log.progress(pass, done, total);
  }
  void spent(llvm::StringRef pass, llvm::StringRef part, double seconds) override {
    parts.push_back({pass.str(), part.str(), seconds});
  }

  Journal *journal() override { return kept; }
  void setJournal(Journal *journal) { kept = journal; }

  TaskRunner *taskRunner() override { return tasks; }
  void setTaskRunner(TaskRunner *runner) { tasks = runner; }

  /// To be called when a stage of the run has ended; it began when the one before it did.
  void stage(llvm::StringRef name) {
    auto now = std::chrono::steady_clock::now();
    double cpu = cpuSeconds();
    stages.push_back({name.str(), std::chrono::duration<double>(now - stageStart).count(),
                      cpu - stageCpu, peakResidentBytes()});
    stageStart = now;
    stageCpu = cpu;
  }

  void print() const {
    for (const Part &part : parts)
      session.log.info(
          llvm::formatv("{0,8:f1} CPU seconds for {1} of {2}", part.seconds, part.name, part.pass)
              .str());
  }
  Json toJson() const {
    Json json = Json::array();
    for (const Part &part : parts)
      json.push_back({{"pass", part.pass}, {"part", part.name}, {"cpu_seconds", part.seconds}});
    return json;
  }
  Json stagesJson() const {
    Json json = Json::array();
    for (const Stage &stage : stages)
      json.push_back({{"stage", stage.name},
                      {"seconds", stage.seconds},
                      {"cpu_seconds", stage.cpuSeconds},
                      {"peak_bytes", stage.peakBytes}});
    return json;
  }

private:
  QLLMDialect *dialect() { return session.getContext().getOrLoadDialect<QLLMDialect>(); }

  struct Part {
    std::string pass, name;
    double seconds;
  };
  struct Stage {
    std::string name;
    double seconds, cpuSeconds;
    /// Of the process so far.
    uint64_t peakBytes;
  };
  Session &session;
  std::vector<Part> parts;
  Journal *kept = nullptr;
  TaskRunner *tasks = nullptr;
  std::vector<Stage> stages;
  std::chrono::steady_clock::time_point stageStart = std::chrono::steady_clock::now();
  double stageCpu = cpuSeconds();
};

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_PASSTIMES_H
