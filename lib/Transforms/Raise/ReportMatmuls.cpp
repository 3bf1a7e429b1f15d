// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints the list of matrix products.

#include "mlir/IR/BuiltinOps.h"
#include "qllm/Analysis/MatrixProducts.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "llvm/Support/raw_ostream.h"

namespace qllm {
#define GEN_PASS_DEF_QLLMREPORTMATMULS
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace qllm;

namespace {

struct QllmReportMatmuls : qllm::impl::QllmReportMatmulsBase<QllmReportMatmuls> {
  using QllmReportMatmulsBase::QllmReportMatmulsBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    std::vector<MatrixProduct> products = findMatrixProducts(getOperation());
    llvm::raw_ostream &os = llvm::errs();
    if (json) {
      os << llvm::formatv("{0:2}", llvm::json::Value(toJSON(products))) << "\n";
      return;
    }
    printMatrixProducts(os, products);
  }
};

} // namespace
