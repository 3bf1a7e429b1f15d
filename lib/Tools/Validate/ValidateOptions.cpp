// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options are global, as those of MlirOptMain are.

#include "qllm/Tools/ValidateOptions.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "qllm/Validation/ValidateRewrites.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ManagedStatic.h"

using namespace qllm;
namespace cl = llvm::cl;

namespace {

struct Options {
  cl::OptionCategory category{"Validation", "run functions before and after each pass"};
  cl::opt<bool> validate{
      "validate",
      cl::desc("run functions before and after each pass, and hold the pass to what it claims"),
      cl::cat(category)};
  cl::opt<bool> list{"list-claims",
                     cl::desc("print what each pass claims about the functions it rewrites"),
                     cl::cat(category)};
  cl::opt<int64_t> inputs{"validate-random", cl::desc("sets of random inputs (3)"), cl::init(3),
                          cl::cat(category)};
  cl::opt<uint64_t> seed{"validate-seed", cl::desc("of random inputs (0)"), cl::init(0),
                         cl::cat(category)};
  cl::opt<std::string> calibration{"validate-calibration", cl::value_desc("FILE"),
                                   cl::desc("tokens or samples to run on too, .npy or .npz"),
                                   cl::cat(category)};
  cl::opt<std::string> file{"validate-inputs", cl::value_desc("FILE.npz"),
                            cl::desc("inputs by name that take the place of all others"),
                            cl::cat(category)};
  cl::opt<std::string> reproducers{
      "validate-reproducers", cl::value_desc("DIR"), cl::init("qllm-reproducers"),
      cl::desc("where failures go, a folder each (qllm-reproducers); empty for nowhere"),
      cl::cat(category)};
};

llvm::ManagedStatic<Options> options;

} // namespace

void qllm::registerValidateOptions() { *options; }

void qllm::setupValidation(mlir::MlirOptMainConfig &config) {
  if (!options->validate)
    return;
  config.setPassPipelineSetupFn([base = config](mlir::PassManager &passes) {
    if (failed(base.setupPassPipeline(passes)))
      return mlir::failure();
    ValidationOptions validation;
    validation.randomInputs = options->inputs;
    validation.seed = options->seed;
    validation.calibration.path = options->calibration;
    validation.inputs = options->file;
    validation.reproducers = options->reproducers;
    addValidation(passes, std::move(validation), [](const ValidationRecord &record) {
      llvm::errs() << "validate: " << toText(record) << '\n';
    });
    return mlir::success();
  });
}

bool qllm::listClaims() {
  if (!options->list)
    return false;
  for (const Claim *claim : allClaims()) {
    llvm::outs() << claim->pass << ": " << nameOf(claim->kind);
    if (claim->kind == ClaimKind::Equivalent)
      llvm::outs() << " up to " << claim->roundings << " roundings"
                   << (claim->keepsQuantizers ? "" : ", quantizers of activations taken out");
    llvm::outs() << "; " << claim->reason << '\n';
  }
  return true;
}
