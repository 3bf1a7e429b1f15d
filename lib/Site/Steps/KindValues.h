// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One number for all sites, or one for each kind.

#ifndef QLLM_LIB_SITE_STEPS_KINDVALUES_H
#define QLLM_LIB_SITE_STEPS_KINDVALUES_H

#include "qllm/Site/SiteKinds.h"
#include "qllm/Site/StepOptions.h"
#include <map>

namespace qllm::steps {

struct KindValues {
  double value = 0;
  std::map<SiteKind, double> ofKind;

  double of(SiteKind kind) const {
    auto found = ofKind.find(kind);
    return found == ofKind.end() ? value : found->second;
  }

  /// Takes the option `name`, for all sites, and those named after kinds (`attention-input`, ...).
  /// Kinds that are not named keep `value`, which is left alone where `name` is absent. Returns
  /// whether any was there.
  bool read(StepOptionReader &reader, llvm::StringRef name, double lowest, double highest) {
    bool any = reader.number(name, value, lowest, highest);
    for (const auto &[word, kind] : siteKinds) {
      double own = 0;
      if (!reader.number(word, own, lowest, highest))
        continue;
      ofKind[kind] = own;
      any = true;
    }
    return any;
  }
};

} // namespace qllm::steps

#endif // QLLM_LIB_SITE_STEPS_KINDVALUES_H
