// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Site attributes, and locations in the words of diagnostics.

#include "SiteTable.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Location.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// `kernel.mlir:12:5`, or what the location prints when there is no line in it.
std::string describe(Location location) {
  FileLineColLoc line;
  location->walk([&](Location part) {
    line = llvm::dyn_cast<FileLineColLoc>(part);
    return line ? WalkResult::interrupt() : WalkResult::advance();
  });
  std::string text;
  llvm::raw_string_ostream os(text);
  if (line)
    os << line.getFilename().getValue() << ':' << line.getLine() << ':' << line.getColumn();
  else
    os << location;
  return text;
}

} // namespace

SiteTable::SiteTable(Operation *module) : module(module) {
  if (auto present = module->getAttrOfType<ArrayAttr>("emu.sites"))
    sites.append(present.begin(), present.end());
}

unsigned SiteTable::add(Operation *operation, const Twine &name, unsigned words) {
  Builder builder(module->getContext());
  auto function = operation->getParentOfType<LLVM::LLVMFuncOp>();
  sites.push_back(builder.getDictionaryAttr({
      builder.getNamedAttr("operation", builder.getStringAttr(name)),
      builder.getNamedAttr("at", builder.getStringAttr(describe(operation->getLoc()))),
      builder.getNamedAttr("in", builder.getStringAttr(function ? function.getSymName() : "")),
      builder.getNamedAttr("words", builder.getI32IntegerAttr(int32_t(words))),
  }));
  return unsigned(sites.size() - 1);
}

void SiteTable::commit() {
  module->setAttr("emu.sites", ArrayAttr::get(module->getContext(), sites));
}
