// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declaration and registration of the passes of this folder, and the pipeline from kernels to
// binaries.

#ifndef QLLM_TARGET_PTX_PASSES_H
#define QLLM_TARGET_PTX_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace qllm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "qllm/Target/PTX/Passes.h.inc"

/// How far `qllm-lower-to-nvvm` goes.
enum class LowerTo {
  Kernels,  ///< structured code
  Emulator, ///< the same without structure, which the emulator runs
  NVVM,     ///< what translates to LLVM IR
  PTX,
  Cubin,
  Fatbin,
};

/// Says which formats there are where another one is asked for.
struct FormatParser : llvm::cl::parser<LowerTo> {
  using parser::parser;
  bool parse(llvm::cl::Option &option, llvm::StringRef name, llvm::StringRef text, LowerTo &value);
  static void print(llvm::raw_ostream &os, const LowerTo &format);
};

/// Options of `qllm-lower-to-nvvm`.
struct LowerToNVVMOptions : mlir::PassPipelineOptions<LowerToNVVMOptions> {
  ListOption<std::string> targets{
      *this, "targets", llvm::cl::desc("architectures to emit code for, such as sm_80,sm_90a")};
  Option<LowerTo, FormatParser> format{
      *this, "format", llvm::cl::desc("how far to go"), llvm::cl::init(LowerTo::PTX),
      llvm::cl::values(clEnumValN(LowerTo::Kernels, "kernels", "structured code"),
                       clEnumValN(LowerTo::Emulator, "emulator", "code that the emulator runs"),
                       clEnumValN(LowerTo::NVVM, "nvvm", "what translates to LLVM IR"),
                       clEnumValN(LowerTo::PTX, "ptx", "PTX text"),
                       clEnumValN(LowerTo::Cubin, "cubin", "a binary, by ptxas"),
                       clEnumValN(LowerTo::Fatbin, "fatbin", "a binary with its PTX"))};
  Option<std::string> toolkit{
      *this, "toolkit",
      llvm::cl::desc("folder whose bin has ptxas and fatbinary, unless they are on the path")};
};

/// Adds the passes from `qk` operations to what `format` says.
void buildLowerToNVVM(mlir::OpPassManager &manager, const LowerToNVVMOptions &options);

/// Registers the pipeline `qllm-lower-to-nvvm`.
void registerPTXPipelines();

/// Adds what turns a gpu.module into LLVM IR and PTX.
void registerPTXTarget(mlir::DialectRegistry &registry);

} // namespace qllm

#endif // QLLM_TARGET_PTX_PASSES_H
