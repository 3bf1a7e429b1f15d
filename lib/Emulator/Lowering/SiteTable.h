// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of a kernel that the runtime takes part in, as an attribute of its module.

#ifndef QLLM_LIB_EMULATOR_LOWERING_SITETABLE_H
#define QLLM_LIB_EMULATOR_LOWERING_SITETABLE_H

#include "mlir/IR/Operation.h"

namespace qllm::emu {

class SiteTable {
public:
  /// Starts with the sites that `module` has.
  explicit SiteTable(mlir::Operation *module);
  /// The number of a new site for `operation`, called `name`. `words` is how many registers each
  /// lane gives.
  unsigned add(mlir::Operation *operation, const llvm::Twine &name, unsigned words = 0);
  /// Writes the attribute.
  void commit();

private:
  mlir::Operation *module;
  llvm::SmallVector<mlir::Attribute> sites;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_LOWERING_SITETABLE_H
