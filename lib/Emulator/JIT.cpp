// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a gpu.module to functions of this process.

#include "qllm/Emulator/JIT.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "qllm/Emulator/Lowering/Passes.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::emu;

struct KernelModule::Code {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

namespace {

/// The LLVM code and what was read off the module on the way.
struct HostCode {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::vector<Site> sites;
  std::vector<std::string> functionOfSite;
  size_t sharedBytes = 0;
  std::vector<Kernel> kernels;
  /// Globals that kernels read, by name.
  std::vector<std::pair<std::string, size_t>> constants;
};

gpu::GPUModuleOp findKernels(ModuleOp module, StringRef name) {
  SmallVector<gpu::GPUModuleOp> found;
  for (auto candidate : module.getOps<gpu::GPUModuleOp>())
    if (name.empty() || candidate.getName() == name)
      found.push_back(candidate);
  if (found.size() == 1)
    return found.front();
  InFlightDiagnostic error = module.emitError("expected one gpu.module");
  if (!name.empty())
    error << " '" << name << "'";
  error << ", but got " << found.size();
  return nullptr;
}

Parameter parameterOf(LLVM::LLVMFuncOp function, unsigned index) {
  Type type = function.getFunctionType().getParamType(index);
  if (auto byValue =
          function.getArgAttrOfType<TypeAttr>(index, LLVM::LLVMDialect::getByValAttrName()))
    return {ParameterKind::Bytes,
            unsigned(DataLayout::closest(function).getTypeSizeInBits(byValue.getValue()))};
  if (llvm::isa<LLVM::LLVMPointerType>(type))
    return {ParameterKind::Pointer, 64,
            bool(function.getArgAttr(index, LLVM::LLVMDialect::getReadonlyAttrName()))};
  if (auto integer = llvm::dyn_cast<IntegerType>(type))
    return {ParameterKind::Integer, integer.getWidth()};
  if (type.isBF16())
    return {ParameterKind::BrainFloat, 16};
  if (auto number = llvm::dyn_cast<FloatType>(type))
    return {ParameterKind::Float, number.getWidth()};
  return {ParameterKind::Other, 0};
}

/// One to three sizes; those that are left out are 1. Untouched without the attribute.
void readSizes(LLVM::LLVMFuncOp function, StringRef attribute, std::array<uint32_t, 3> &sizes) {
  if (auto given = function->getAttrOfType<DenseI32ArrayAttr>(attribute)) {
    sizes.fill(1);
    llvm::copy(given.asArrayRef(), sizes.begin());
  }
}

/// What the kernel is compiled for.
void readBlockLimits(LLVM::LLVMFuncOp function, Program &program) {
  readSizes(function, NVVM::NVVMDialect::getReqntidAttrName(), program.requiredBlock);
  readSizes(function, NVVM::NVVMDialect::getClusterDimAttrName(), program.requiredCluster);
  if (auto most =
          function->getAttrOfType<IntegerAttr>(NVVM::NVVMDialect::getClusterMaxBlocksAttrName()))
    program.mostClusterBlocks = uint32_t(most.getInt());
  if (auto sizes =
          function->getAttrOfType<DenseI32ArrayAttr>(NVVM::NVVMDialect::getMaxntidAttrName())) {
    program.mostThreads = 1;
    for (int32_t size : sizes.asArrayRef())
      program.mostThreads *= uint32_t(size);
  }
}

std::vector<Kernel> kernelsOf(gpu::GPUModuleOp module) {
  std::vector<Kernel> kernels;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!function->hasAttr("nvvm.kernel") && !function->hasAttr("gpu.kernel"))
      continue;
    Kernel kernel;
    kernel.name = function.getSymName().str();
    for (unsigned i = 0; i < function.getFunctionType().getNumParams(); ++i)
      kernel.parameters.push_back(parameterOf(function, i));
    readBlockLimits(function, kernel.program);
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

void readSites(gpu::GPUModuleOp module, HostCode &code) {
  for (auto entry : module->getAttrOfType<ArrayAttr>("emu.sites").getAsRange<DictionaryAttr>()) {
    Site site;
    site.operation = entry.getAs<StringAttr>("operation").str();
    site.location = entry.getAs<StringAttr>("at").str();
    site.collective = parseCollective(site.operation);
    site.wordsIn = unsigned(entry.getAs<IntegerAttr>("words").getInt());
    code.sites.push_back(std::move(site));
    code.functionOfSite.push_back(entry.getAs<StringAttr>("in").str());
  }
  // Findings that belong to no operation need a place.
  if (code.sites.empty())
    code.sites.push_back({"kernel", "?", std::nullopt, 0});
}

/// Runs the passes on a copy of the module and moves what they leave into a module for the host.
OwningOpRef<ModuleOp> lowerToHost(gpu::GPUModuleOp original, bool instrument, HostCode &code) {
  MLIRContext *context = original.getContext();
  OwningOpRef<ModuleOp> host = ModuleOp::create(original.getLoc());
  auto module = llvm::cast<gpu::GPUModuleOp>(original->clone());
  host->getBody()->push_back(module);
  code.kernels = kernelsOf(module);
  PassManager manager(context);
  OpPassManager &nested = manager.nest<gpu::GPUModuleOp>();
  if (instrument)
    nested.addPass(createQllmInstrumentKernels());
  nested.addPass(createQllmLowerNVVMToHost());
  if (failed(manager.run(*host)))
    return nullptr;
  readSites(module, code);
  code.sharedBytes = size_t(module->getAttrOfType<IntegerAttr>("emu.shared_bytes").getInt());
  DataLayout layout = DataLayout::closest(module);
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    global.setLinkage(LLVM::Linkage::External); // so that its address can be asked for
    code.constants.push_back(
        {global.getSymName().str(), layout.getTypeSize(global.getGlobalType())});
  }
  host->getBody()->getOperations().splice(host->getBody()->end(),
                                          module.getBodyRegion().front().getOperations());
  module->erase();
  return host;
}

llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> compileCode(HostCode &code) {
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  // The conversions to bf16 that these have take subnormals for zeros.
  if (builder->getTargetTriple().isX86())
    for (const char *feature : {"avx512bf16", "avxneconvert"})
      builder->getFeatures().AddFeature(feature, false);
  auto machine = builder->createTargetMachine();
  if (!machine)
    return machine.takeError();
  code.module->setDataLayout((*machine)->createDataLayout());
  code.module->setTargetTriple((*machine)->getTargetTriple());
  if (llvm::Error error = makeOptimizingTransformer(2, 0, machine->get())(code.module.get()))
    return std::move(error);
  auto jit = llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(*builder).create();
  if (!jit)
    return jit.takeError();
  llvm::orc::SymbolMap symbols;
  for (const RuntimeSymbol &symbol : runtimeSymbols())
    symbols[(*jit)->mangleAndIntern(symbol.name)] = {
        llvm::orc::ExecutorAddr::fromPtr(symbol.address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  llvm::orc::JITDylib &library = (*jit)->getMainJITDylib();
  if (llvm::Error error = library.define(llvm::orc::absoluteSymbols(std::move(symbols))))
    return std::move(error);
  llvm::orc::ThreadSafeModule module(std::move(code.module), std::move(code.context));
  if (llvm::Error error = (*jit)->addIRModule(std::move(module)))
    return std::move(error);
  return jit;
}

/// The sites as `kernel` has them: what other kernels do with all lanes asks nothing of its
/// launches.
std::vector<Site> sitesOfKernel(const HostCode &code, const Kernel &kernel) {
  std::vector<Site> sites = code.sites;
  for (auto [site, function] : llvm::zip(sites, code.functionOfSite))
    if (function != kernel.name &&
        llvm::any_of(code.kernels, [&function = function](const Kernel &other) {
          return other.name == function;
        }))
      site.collective.reset();
  return sites;
}

/// Looks up what the program needs of the compiled code.
llvm::Error link(llvm::orc::LLJIT &jit, HostCode &code) {
  std::vector<Buffer> constants;
  for (const auto &[name, size] : code.constants) {
    auto address = jit.lookup(name);
    if (!address)
      return address.takeError();
    constants.push_back({"@" + name, address->toPtr<uint8_t *>(), size, false});
  }
  for (Kernel &kernel : code.kernels) {
    auto address = jit.lookup("emu_entry_" + kernel.name);
    if (!address)
      return address.takeError();
    kernel.program.staticSharedBytes = code.sharedBytes;
    kernel.program.constants = constants;
    kernel.program.sites = sitesOfKernel(code, kernel);
    kernel.program.entry = address->toPtr<decltype(Program::entry)>();
  }
  return llvm::Error::success();
}

} // namespace

KernelModule::KernelModule() : code(std::make_unique<Code>()) {}
KernelModule::~KernelModule() = default;

const Kernel *KernelModule::find(StringRef name) const {
  for (const Kernel &kernel : all)
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}

std::unique_ptr<KernelModule> KernelModule::compile(ModuleOp module, bool instrument,
                                                    StringRef name) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  gpu::GPUModuleOp kernels = findKernels(module, name);
  if (!kernels)
    return nullptr;
  HostCode code;
  OwningOpRef<ModuleOp> host = lowerToHost(kernels, instrument, code);
  if (!host)
    return nullptr;
  code.context = std::make_unique<llvm::LLVMContext>();
  code.module = translateModuleToLLVMIR(*host, *code.context);
  if (!code.module) {
    kernels.emitError("cannot be translated to LLVM");
    return nullptr;
  }
  std::unique_ptr<KernelModule> result(new KernelModule());
  auto jit = compileCode(code);
  llvm::Error error = jit ? link(**jit, code) : jit.takeError();
  if (error) {
    kernels.emitError() << llvm::toString(std::move(error));
    return nullptr;
  }
  result->code->jit = std::move(*jit);
  result->all = std::move(code.kernels);
  return result;
}
