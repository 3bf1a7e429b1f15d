// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module from text, and windows to feed it.

#ifndef QLLM_UNITTESTS_CALIBRATION_PARSEDMODULE_H
#define QLLM_UNITTESTS_CALIBRATION_PARSEDMODULE_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qllm/Calibration/Walk.h"
#include "qllm/InitAll.h"

namespace qllm {

struct ParsedModule {
  explicit ParsedModule(llvm::StringRef text) : context(registry()) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    main = module->lookupSymbol<mlir::func::FuncOp>("main");
  }

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }

  /// The operation called `name` (`qllm.name`).
  mlir::Operation *find(llvm::StringRef name) {
    mlir::Operation *found = nullptr;
    module->walk([&](mlir::Operation *op) {
      if (auto text = op->getAttrOfType<mlir::StringAttr>("qllm.name"); text && text == name)
        found = op;
    });
    return found;
  }
  mlir::Value value(llvm::StringRef name) { return find(name)->getResult(0); }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp main;
};

inline interp::Value rows(llvm::ArrayRef<int64_t> shape, std::vector<float> values) {
  return Tensor::of<float>(shape, values);
}

inline std::vector<float> floats(const interp::Value &value) {
  llvm::ArrayRef<float> values = value.tensor()->values<float>();
  return {values.begin(), values.end()};
}

} // namespace qllm

#endif // QLLM_UNITTESTS_CALIBRATION_PARSEDMODULE_H
