// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/API/RunTimes.h"

#include "qllm/Support/ProcessUsage.h"

using namespace qllm;
using namespace qllm::api;

RunTimes::RunTimes() { restart(); }

void RunTimes::restart() {
  start = std::chrono::steady_clock::now();
  startCpu = cpuSeconds();
}

void RunTimes::addPart(llvm::StringRef pass, llvm::StringRef part, double seconds) {
  allParts.push_back({pass.str(), part.str(), seconds});
}

void RunTimes::endStage(llvm::StringRef name) {
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  stages.push_back({name.str(), seconds.count(), cpuSeconds() - startCpu, peakResidentBytes()});
  restart();
}

Json RunTimes::partsJson() const {
  Json json = Json::array();
  for (const Part &part : allParts)
    json.push_back({{"pass", part.pass}, {"part", part.name}, {"cpu_seconds", part.seconds}});
  return json;
}

Json RunTimes::stagesJson() const {
  Json json = Json::array();
  for (const Stage &stage : stages)
    json.push_back({{"stage", stage.name},
                    {"seconds", stage.seconds},
                    {"cpu_seconds", stage.cpuSeconds},
                    {"peak_bytes", stage.peakBytes}});
  return json;
}
