// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe on a module in memory.

#ifndef QLLM_API_QUANTIZE_H
#define QLLM_API_QUANTIZE_H

#include "qllm/API/Pipeline.h"
#include "qllm/API/Report.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qllm {
class RunListener;
} // namespace qllm

namespace qllm::api {

struct QuantizeOptions {
  /// A name or a file of passes.
  std::string recipe = "rtn";
  /// As "weight-bits=4 activation-bits=8".
  std::string options;
  /// The .npy file that a recipe which looks at activations reads.
  std::string calibration;
  int64_t seed = 0;
};

/// The options of the recipe with its data and its seed. Fails where a recipe looks at activations
/// and there are none; `warn` is told of data that is not read.
llvm::Expected<std::string> addRecipeData(const QuantizeOptions &options,
                                          llvm::function_ref<void(const llvm::Twine &)> warn);

/// Rewrites `module` in place; after a failure it is of no use. `listener`, which may be null,
/// hears of passes and sites and may stop the run. Returns the report: recipe, options, seed,
/// passes, and the coverage of the result. Details of a failure are emitted as diagnostics.
llvm::Expected<Json> quantize(mlir::ModuleOp module, const QuantizeOptions &options,
                              RunListener *listener);

} // namespace qllm::api

#endif // QLLM_API_QUANTIZE_H
