// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes that decide on calibration data have in common: a run of the float model that stands
// still at every site, and transforms that are put in front of sites.

#ifndef QLLM_LIB_TRANSFORMS_CHANNELS_CALIBRATEDSITES_H
#define QLLM_LIB_TRANSFORMS_CHANNELS_CALIBRATEDSITES_H

#include "mlir/IR/BuiltinOps.h"
#include "qllm/Calibration/CalibrationData.h"
#include "qllm/Calibration/Sites.h"
#include "qllm/Dialect/QLLM/IR/QLLMInterfaces.h"
#include "qllm/Site/SiteKinds.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qllm {

/// Least and greatest value and mean of each channel over all tokens.
struct ChannelStatistics {
  std::vector<float> minimum, maximum, mean;
};
ChannelStatistics statisticsOf(const MatrixF &values);

/// Runs `@main` of the module on the data. Calls `look` with every site that `isWanted` takes, in
/// order, its state filled from the float model, and `take` with the bytes that it found (see
/// Bytes.h; none to pass the site over). The run's journal keeps them under the name of the pass:
/// sites that an earlier run has looked at are only taken. The model must not be changed meanwhile.
struct SiteLooks {
  llvm::StringRef pass;
  llvm::function_ref<bool(LinearOp)> isWanted;
  llvm::function_ref<llvm::Expected<std::string>(const Site &, SiteState &)> look;
  llvm::function_ref<llvm::Error(const Site &, llvm::ArrayRef<char>)> take;
};
mlir::LogicalResult visitSites(mlir::ModuleOp module, const CalibrationFile &data, uint64_t seed,
                               const SiteLooks &looks);

/// Feeds the layers of the site what `make` builds on their input; their weights absorb it. Then
/// the transform moves into what computes the input, or is marked with the reason why it stays.
mlir::LogicalResult
insertTransform(const Site &site,
                llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Value)> make);

/// Fails on a name that no kind of site has.
llvm::Error checkSiteKinds(llvm::ArrayRef<std::string> names);

/// A constant vector for a transform.
mlir::Value createParameter(mlir::OpBuilder &builder, mlir::Location loc,
                            llvm::ArrayRef<float> values, const llvm::Twine &name);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_CHANNELS_CALIBRATEDSITES_H
