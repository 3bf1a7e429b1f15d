// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Findings as diagnostics, one a line, so that editors can follow them; traffic and counts behind.

#include "ReportPrinter.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace qllm;
using namespace qllm::tool;

void qllm::tool::printText(llvm::raw_ostream &os, const EmulationResult &result) {
  const emu::RunReport &report = result.report;
  for (const emu::Finding &finding : report.findings)
    os << emu::describe(finding) << '\n';
  for (const std::string &difference : result.differences)
    os << "result " << difference << '\n';
  for (const emu::Traffic &traffic : report.traffic)
    os << traffic.location << ": " << (traffic.shared ? "shared " : "global ") << traffic.operation
       << ": " << traffic.requests << " requests, " << traffic.units
       << (traffic.shared ? " passes, " : " sectors, ") << traffic.leastUnits << " at least (x"
       << llvm::format("%.2f",
                       double(traffic.units) / double(std::max<uint64_t>(traffic.leastUnits, 1)))
       << ")\n";
  os << result.kernel << ": " << report.threads << " threads, " << report.collectives
     << " collectives, " << report.multiplyAdds << " multiply-adds, "
     << llvm::format("%.3f", report.cpuSeconds) << " s\n";
  os << (result.clean() ? "clean" : "not clean") << '\n';
}

void qllm::tool::printJson(llvm::raw_ostream &os, const EmulationResult &result) {
  const emu::RunReport &report = result.report;
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("kernel", result.kernel);
    json.attribute("clean", result.clean());
    json.attributeArray("findings", [&] {
      for (const emu::Finding &finding : report.findings)
        json.object([&] {
          json.attribute("kind", emu::findingName(finding.kind));
          json.attribute("operation", finding.operation);
          json.attribute("location", finding.location);
          json.attribute("count", finding.count);
          json.attribute("first", finding.first);
        });
    });
    json.attributeArray("differences", [&] {
      for (const std::string &difference : result.differences)
        json.value(difference);
    });
    json.attributeArray("traffic", [&] {
      for (const emu::Traffic &traffic : report.traffic)
        json.object([&] {
          json.attribute("operation", traffic.operation);
          json.attribute("location", traffic.location);
          json.attribute("memory", traffic.shared ? "shared" : "global");
          json.attribute("requests", traffic.requests);
          json.attribute("units", traffic.units);
          json.attribute("least", traffic.leastUnits);
        });
    });
    json.attribute("threads", report.threads);
    json.attribute("collectives", report.collectives);
    json.attribute("switches", report.switches);
    json.attribute("multiplyAdds", report.multiplyAdds);
    json.attribute("cpuSeconds", report.cpuSeconds);
  });
  os << '\n';
}
