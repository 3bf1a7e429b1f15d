// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of findings and their list.

#include "qllm/Emulator/Runtime/Findings.h"

using namespace qllm::emu;

const char *qllm::emu::findingName(FindingKind kind) {
  switch (kind) {
  case FindingKind::OutOfBoundsRead:
    return "out-of-bounds-read";
  case FindingKind::OutOfBoundsWrite:
    return "out-of-bounds-write";
  case FindingKind::Misaligned:
    return "misaligned";
  case FindingKind::ReadOnlyWrite:
    return "read-only-write";
  case FindingKind::Race:
    return "race";
  case FindingKind::BlockRace:
    return "block-race";
  case FindingKind::UninitializedRead:
    return "uninitialized-read";
  case FindingKind::CopyNotWaitedFor:
    return "copy-not-waited-for";
  case FindingKind::CopyNeverWaitedFor:
    return "copy-never-waited-for";
  case FindingKind::MissingProxyFence:
    return "missing-proxy-fence";
  case FindingKind::MissingMatrixFence:
    return "missing-matrix-fence";
  case FindingKind::InactiveSource:
    return "inactive-source";
  case FindingKind::NotInMask:
    return "not-in-mask";
  case FindingKind::BarrierMisuse:
    return "barrier-misuse";
  case FindingKind::AbsentBlock:
    return "absent-block";
  case FindingKind::DescriptorMismatch:
    return "descriptor-mismatch";
  case FindingKind::TensorMapMisuse:
    return "tensor-map-misuse";
  case FindingKind::TensorMemoryMisuse:
    return "tensor-memory-misuse";
  case FindingKind::DivergentCollective:
    return "divergent-collective";
  case FindingKind::Trap:
    return "trap";
  case FindingKind::Deadlock:
    break;
  }
  return "deadlock";
}

std::string qllm::emu::describe(const Finding &finding) {
  std::string text = finding.location + ": " + findingName(finding.kind) + " in " +
                     finding.operation + ": " + finding.first;
  if (finding.count > 1)
    text += " (" + std::to_string(finding.count) + " times)";
  return text;
}

std::vector<Finding> Findings::collect(const Program &program) const {
  std::vector<Finding> all;
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i]) {
      const Site &site = program.sites[i / kKinds];
      all.push_back({FindingKind(i % kKinds), site.operation, site.location, counts[i], texts[i]});
    }
  return all;
}
