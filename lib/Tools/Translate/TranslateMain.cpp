// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Command line, modes and diagnostics of qllm-translate.

#include "qllm/Tools/TranslateMain.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/MLIRContext.h"
#include "qllm/Support/LargeStack.h"
#include "qllm/Support/MappingFaults.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Target/ONNX/Export.h"
#include "qllm/Target/ONNX/Import.h"
#include "qllm/Tools/Diagnostics.h"
#include "qllm/Tools/Guard.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qllm;
namespace cl = llvm::cl;

namespace {

cl::OptionCategory category("qllm-translate options");
cl::opt<std::string> inputName(cl::Positional, cl::desc("<input file>"), cl::init("-"), cl::cat(category));
cl::opt<std::string> outputName("o", cl::desc("output file; - is stdout"), cl::value_desc("file"), cl::init("-"), cl::cat(category));
cl::opt<bool> inlineWeights("inline-weights", cl::desc("write weights into the module instead of naming their files"),
                            cl::cat(category));
cl::opt<onnx::ExternalData> externalData(
    "external-data", cl::desc("where an exported model has its weights"), cl::init(onnx::ExternalData::Auto),
    cl::values(clEnumValN(onnx::ExternalData::Auto, "auto", "beside it when they take more than 64 MiB"),
               clEnumValN(onnx::ExternalData::Always, "always", "in a file beside it"),
               clEnumValN(onnx::ExternalData::Never, "never", "in the model's own file")),
    cl::cat(category));
cl::opt<int64_t> convertOpset("convert-opset", cl::desc("convert an imported model to this opset first"), cl::value_desc("version"),
                              cl::init(0), cl::cat(category));
cl::opt<bool> noVerify("no-check", cl::desc("do not run the ONNX checker"), cl::cat(category));

LogicalResult importOnnx(StringRef input, StringRef output, const InputLimits &, MLIRContext *context) {
  onnx::ImportOptions options;
  options.inlineWeights = inlineWeights;
  options.check = !noVerify;
  options.convertToOpset = convertOpset;
  ScopedDiagnosticHandler handler(context, [](Diagnostic &diagnostic) { printDiagnostic(diagnostic); });
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  if (input == "-") {
    llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> read = llvm::MemoryBuffer::getSTDIN();
    if (!read)
      return emitError(UnknownLoc::get(context)) << "cannot read stdin: " << read.getError().message();
    buffer = std::move(*read);
    module = onnx::importModel(buffer->getMemBufferRef(), ".", context, options);
  } else {
    module = onnx::importModel(input, context, options);
  }
  return module ? saveModule(*module, output, {inlineWeights}) : failure();
}

LogicalResult exportOnnx(StringRef input, StringRef output, const InputLimits &limits, MLIRContext *context) {
  llvm::SourceMgr sources;
  OwningOpRef<ModuleOp> module;
  {
    PrintableStream messages(llvm::errs());
    SourceMgrDiagnosticHandler handler(sources, context, messages);
    module = loadModule(input, sources, context, limits);
  }
  if (!module)
    return failure();
  ScopedDiagnosticHandler handler(context, [](Diagnostic &diagnostic) { printDiagnostic(diagnostic); });
  if (output == "-")
    return emitError(module->getLoc()) << "an ONNX model is written to a file: expected -o FILE";
  onnx::ExportOptions options;
  options.externalData = externalData;
  options.check = !noVerify;
  return onnx::exportModel(*module, output, options);
}

} // namespace

TranslateMode qllm::importOnnxMode() { return {"import-onnx", "import an ONNX model as a module", importOnnx}; }

TranslateMode qllm::exportOnnxMode() { return {"export-onnx", "export a module of the onnx dialect as an ONNX model", exportOnnx}; }

int qllm::translateMain(int argc, char **argv, DialectRegistry &registry, llvm::ArrayRef<TranslateMode> modes) {
  llvm::InitLLVM init(argc, argv);
  installMappingFaults();
  LimitOptions limits;
  std::vector<std::unique_ptr<cl::opt<bool>>> flags;
  for (const TranslateMode &mode : modes)
    flags.push_back(std::make_unique<cl::opt<bool>>(StringRef(mode.flag), cl::desc(mode.description), cl::cat(category)));
  // The shared LLVM library brings hundreds of its own.
  llvm::SmallVector<const cl::OptionCategory *> shown = {&category, &limits.category};
  for (const TranslateMode &mode : modes)
    if (mode.options)
      shown.push_back(mode.options);
  cl::HideUnrelatedOptions(shown);
  if (!cl::ParseCommandLineOptions(argc, argv, "qllm translation driver\n", &llvm::errs()))
    return 2;
  const TranslateMode *chosen = nullptr;
  for (auto [mode, flag] : llvm::zip_equal(modes, flags)) {
    if (!*flag)
      continue;
    if (chosen) {
      llvm::errs() << argv[0] << ": error: expected one translation, but got --" << chosen->flag << " and --" << mode.flag << '\n';
      return 2;
    }
    chosen = &mode;
  }
  if (!chosen) {
    llvm::errs() << argv[0] << ": error: expected a translation:";
    for (const TranslateMode &mode : modes)
      llvm::errs() << " --" << mode.flag;
    llvm::errs() << '\n';
    return 2;
  }
  return runOnLargeStack([&] {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    context.printOpOnDiagnostic(false); // an operation may be the whole model; messages say what matters
    return succeeded(chosen->run(inputName, outputName, limits.limits(), &context)) ? 0 : 1;
  });
}
