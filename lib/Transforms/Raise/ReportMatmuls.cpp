// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints the list of matrix products.

#include "mlir/IR/BuiltinOps.h"
#include "qllm/Analysis/MatrixProducts.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace qllm {
#define GEN_PASS_DEF_QLLMREPORTMATMULS
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace qllm;

namespace {

std::string sizeText(int64_t size) { return size < 0 ? "?" : std::to_string(size); }

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
    size_t quantizable = 0;
    for (const MatrixProduct &product : products) {
      quantizable += product.quantizable;
      os << (product.quantizable ? "yes " : "no  ") << product.kind << " "
         << (product.name.empty() ? "-" : product.name) << " " << sizeText(product.outputSize)
         << "x" << sizeText(product.inputSize) << " " << product.weightElements;
      if (!product.quantizable)
        os << ": " << product.reason;
      os << "\n";
    }
    os << products.size() << " matrix products, " << quantizable << " quantizable\n";
  }
};

} // namespace
