// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options of --run, and what they ask for: one function once, every self-checking function of a
// module, or a list of models.

#include "qllm/Tools/RunMode.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Tools/Diagnostics.h"
#include "qllm/Tools/ModuleRun.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qllm;
namespace cl = llvm::cl;

namespace {

struct Options {
  cl::OptionCategory category{"options of --run"};
  cl::list<std::string> inputs{
      "input", cl::desc("an input for --run: NAME=FILE.npy, or FILE.npz for several"),
      cl::value_desc("input"), cl::cat(category)};
  cl::opt<std::string> output{
      "output",
      cl::desc("where --run writes its results (.npz); without it they are summed up on stdout"),
      cl::value_desc("file"), cl::cat(category)};
  cl::opt<std::string> function{"function", cl::desc("the function that --run runs"),
                                cl::init("main"), cl::cat(category)};
  cl::opt<unsigned> threads{"run-threads", cl::desc("threads for --run; 0 for one per core"),
                            cl::init(0), cl::cat(category)};
  cl::opt<unsigned> repeat{"run-repeat",
                           cl::desc("for --run: run so many times and print the seconds of each"),
                           cl::init(0), cl::cat(category)};
  cl::opt<std::string> device{"run-device",
                              cl::desc("for --run: run the kernels that the module launches on the "
                                       "emulator, as this target would"),
                              cl::value_desc("sm_80"), cl::cat(category)};
  cl::opt<std::string> list{
      "run-list",
      cl::desc("for --run: run many models; each line of the file is MODEL INPUTS.npz OUTPUTS.npz"),
      cl::value_desc("file"), cl::cat(category)};
};

/// Runs each line in a context of its own and prints `ok` or `failed` with what was wrong; fails
/// only for a bad list.
LogicalResult runList(const Options &options, const InputLimits &limits, MLIRContext *context) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFile(options.list);
  if (!file)
    return emitError(UnknownLoc::get(context))
           << "cannot read '" << options.list << "': " << file.getError().message();
  llvm::SmallVector<StringRef> lines;
  (*file)->getBuffer().split(lines, '\n', -1, false);
  for (StringRef line : lines) {
    llvm::SmallVector<StringRef> fields;
    line.split(fields, ' ', -1, false);
    if (fields.size() != 3)
      return emitError(UnknownLoc::get(context))
             << "expected MODEL INPUTS OUTPUTS, but got '" << line << "'";
    MLIRContext own(context->getDialectRegistry(), MLIRContext::Threading::DISABLED);
    std::string messages;
    ScopedDiagnosticHandler handler(
        &own, [&](Diagnostic &diagnostic) { messages += diagnostic.str() + "; "; });
    ModuleRun run{
        fields[0].str(), {fields[1].str()}, fields[2].str(), options.function, options.threads, 0, "", limits};
    bool done = succeeded(run.execute(&own));
    llvm::outs() << (done ? "ok " : "failed ") << fields[0] << ' ' << printable(StringRef(messages).ltrim())
                 << '\n';
    llvm::outs().flush();
  }
  return success();
}

} // namespace

TranslateMode qllm::runMode() {
  auto options = std::make_shared<Options>();
  return {"run", "run a module or an ONNX model on the CPU",
          [options](StringRef input, StringRef, const InputLimits &limits, MLIRContext *context) {
            if (!options->list.empty())
              return runList(*options, limits, context);
            ScopedDiagnosticHandler handler(
                context, [](Diagnostic &diagnostic) { printDiagnostic(diagnostic); });
            std::vector<std::string> inputs(options->inputs.begin(), options->inputs.end());
            return ModuleRun{input.str(),      inputs,          options->output, options->function,
                             options->threads, options->repeat, options->device,
                             limits}
                .execute(context);
          },
          &options->category};
}
