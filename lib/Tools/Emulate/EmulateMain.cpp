// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options of qllm-emu, and one run.

#include "qllm/Tools/EmulateMain.h"

#include "LaunchArguments.h"
#include "ReportPrinter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "qllm/Emulator/Architecture.h"
#include "qllm/Emulator/CheckNames.h"
#include "qllm/Emulator/Runtime/Faults.h"
#include "qllm/Kernels/Target.h"
#include "qllm/Support/LargeStack.h"
#include "qllm/Support/MappingFaults.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Tools/Diagnostics.h"
#include "qllm/Tools/Guard.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::tool;
namespace cl = llvm::cl;

namespace {

enum Exit { Done = 0, BadInput = 1, Usage = 2, NotClean = 3 };

struct Options {
  LimitOptions limits;
  cl::OptionCategory category{"qllm-emu options"};
  cl::opt<std::string> module{cl::Positional, cl::desc("MODULE.mlir"), cl::init("-"),
                              cl::cat(category)};
  cl::opt<std::string> launch{
      "launch", cl::desc("description of the launch (JSON); files in it are relative to it"),
      cl::value_desc("file"), cl::cat(category)};
  cl::opt<std::string> gpuModule{
      "gpu-module", cl::desc("the gpu.module to take the kernel from, if there are several"),
      cl::value_desc("name"), cl::cat(category)};
  cl::opt<std::string> kernel{"kernel",
                              cl::desc("the kernel to run, whatever the description says"),
                              cl::value_desc("name"), cl::cat(category)};
  cl::list<std::string> checks{
      "check", cl::desc("what to look for: bounds, races, traffic, all (the default), none"),
      cl::CommaSeparated, cl::cat(category)};
  cl::opt<uint64_t> seed{
      "seed",
      cl::desc("run threads, warps and blocks in an order of their own; 0 for the plain one"),
      cl::init(0), cl::cat(category)};
  cl::opt<emu::Arrival> arrival{
      "async", cl::desc("when asynchronous copies arrive"), cl::init(emu::Arrival::Lazy),
      cl::values(clEnumValN(emu::Arrival::Eager, "eager", "at once"),
                 clEnumValN(emu::Arrival::Lazy, "lazy", "as late as the waits allow (the default)"),
                 clEnumValN(emu::Arrival::Random, "random", "at either, by the seed")),
      cl::cat(category)};
  cl::opt<std::string> architecture{
      "arch", cl::desc("whose sums of floats and shared memory: sm_80 (the default), sm_90a, ..."),
      cl::init("sm_80"), cl::cat(category)};
  cl::opt<bool> exact{"exact-sums",
                      cl::desc("sums of floats rounded once, as a reference has them"),
                      cl::cat(category)};
  cl::opt<double> limit{
      "limit", cl::desc("seconds of CPU time after which the kernel is stopped; 0 for no limit"),
      cl::init(0), cl::value_desc("seconds"), cl::cat(category)};
  cl::opt<bool> json{"json", cl::desc("print the report as JSON"), cl::cat(category)};
};

int fail(Exit code, const Twine &message) {
  PrintableStream(llvm::errs()) << "qllm-emu: " << message << '\n';
  return code;
}

/// The kernel called `name`, or the only one if that is empty. Null after a message.
const emu::Kernel *chooseKernel(const emu::KernelModule &module, StringRef name) {
  if (name.empty() && module.kernels().size() == 1)
    return &module.kernels().front();
  if (const emu::Kernel *kernel = module.find(name))
    return kernel;
  std::string names;
  for (const emu::Kernel &kernel : module.kernels())
    names += (names.empty() ? "'" : ", '") + kernel.name + "'";
  fail(BadInput, (name.empty() ? Twine("expected the name of a kernel")
                               : "the module has no kernel '" + name + "'") +
                     "; it has " + (names.empty() ? "none" : names));
  return nullptr;
}

/// Compiles and runs; the exit status.
int emulate(const Options &options, ModuleOp module, const emu::Launch &settings) {
  auto text = llvm::MemoryBuffer::getFile(options.launch);
  if (!text)
    return fail(BadInput, "cannot read '" + options.launch + "': " + text.getError().message());
  llvm::Expected<LaunchFile> file = parseLaunchFile((*text)->getBuffer());
  if (!file)
    return fail(BadInput, llvm::toString(file.takeError()));
  std::unique_ptr<emu::KernelModule> kernels =
      emu::KernelModule::compile(module, settings.checks != 0, options.gpuModule);
  if (!kernels)
    return BadInput;
  const emu::Kernel *kernel =
      chooseKernel(*kernels, options.kernel.empty() ? file->kernel : options.kernel.getValue());
  if (!kernel)
    return BadInput;

  LaunchArguments arguments;
  if (llvm::Error error =
          arguments.load(*file, *kernel, llvm::sys::path::parent_path(options.launch)))
    return fail(BadInput, llvm::toString(std::move(error)));
  emu::Launch launch = settings;
  launch.grid = file->grid;
  launch.cluster = file->cluster;
  launch.block = file->block;
  launch.dynamicSharedBytes = file->sharedBytes;
  launch.arguments = arguments.pointers();
  launch.buffers = arguments.buffers();
  if (std::string error = emu::launchError(kernel->program, launch); !error.empty())
    return fail(BadInput, error);

  emu::installKernelFaults(options.limit);
  EmulationResult result{kernel->name, emu::run(kernel->program, launch), arguments.compare()};
  if (!result.report.error.empty())
    return fail(BadInput, result.report.error);
  if (llvm::Error error = arguments.store())
    return fail(BadInput, llvm::toString(std::move(error)));
  PrintableStream out(llvm::outs(), SIZE_MAX);
  (options.json ? printJson : printText)(out, result);
  return result.clean() ? Done : NotClean;
}

} // namespace

int qllm::emulateMain(int argc, char **argv, DialectRegistry &registry) {
  installMappingFaults();
  Options options;
  cl::HideUnrelatedOptions({&options.category, &options.limits.category});
  // Given where to write errors, it returns instead of leaving with the status of bad input.
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "runs a kernel of the llvm and nvvm dialects on the CPU and checks it\n\n"
          "Exit status: 0 clean, 1 bad input, 2 wrong usage, 3 findings or unexpected results.\n",
          &llvm::errs()))
    return Usage;
  if (options.launch.empty())
    return fail(Usage, "expected --launch=FILE");
  std::optional<uint32_t> checks =
      emu::parseChecks(SmallVector<StringRef>(options.checks.begin(), options.checks.end()));
  if (!checks)
    return fail(Usage, "expected --check to be of bounds, races, traffic, all, none");
  if (!(options.limit >= 0))
    return fail(Usage, "expected --limit of 0 or more seconds");
  emu::Launch settings;
  if (!emu::setArchitecture(settings, options.architecture))
    return fail(Usage, "expected --arch to be one of " + kernels::listTargets() + ", but got '" +
                           options.architecture + "'");
  settings.checks = *checks;
  settings.seed = options.seed;
  settings.arrival = options.arrival;
  settings.exactSums = options.exact;
  return runOnLargeStack([&]() -> int {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    ScopedDiagnosticHandler handler(&context,
                                    [](Diagnostic &diagnostic) { printDiagnostic(diagnostic); });
    llvm::SourceMgr sources;
    OwningOpRef<ModuleOp> module =
        parseModuleFile(options.module, sources, &context, options.limits.limits());
    return module ? emulate(options, *module, settings) : BadInput;
  });
}
