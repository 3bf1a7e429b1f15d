// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tools/ModuleRun.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Emulator/Device.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Support/DataDirectory.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Target/ONNX/Import.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace mlir;
using namespace qllm;

namespace {

/// Arrays by name; those of a sequence are NAME/0, NAME/1, ...
class InputFiles {
public:
  LogicalResult open(llvm::ArrayRef<std::string> specifications, Location location) {
    for (StringRef text : specifications) {
      auto [name, path] =
          text.contains('=') ? text.split('=') : std::pair<StringRef, StringRef>(StringRef(), text);
      llvm::Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
      if (!file)
        return emitError(location) << llvm::toString(file.takeError());
      files.push_back(*file);
      if (!name.empty()) {
        arrays.push_back({name.str(), (*file)->bytes()});
        continue;
      }
      llvm::Expected<std::vector<ArchiveMember>> members = readArchive((*file)->bytes());
      if (!members)
        return emitError(location) << "'" << path << "': " << llvm::toString(members.takeError());
      llvm::append_range(arrays, *members);
    }
    return success();
  }

  /// The value for an argument of type `type`; nothing for an optional one that is not there.
  LogicalResult value(StringRef name, Type type, Location location, interp::Value &result) const {
    if (auto optional = llvm::dyn_cast<onnx::OptionalType>(type))
      return has(name) ? value(name, optional.getElementType(), location, result) : success();
    if (auto sequence = llvm::dyn_cast<onnx::SequenceType>(type)) {
      interp::Sequence elements;
      for (unsigned i = 0; has((name + "/" + llvm::Twine(i)).str()); ++i) {
        elements.emplace_back();
        if (failed(value((name + "/" + llvm::Twine(i)).str(), sequence.getElementType(), location,
                         elements.back())))
          return failure();
      }
      result = interp::Value(std::move(elements));
      return success();
    }
    auto tensor = llvm::dyn_cast<TensorType>(type);
    const ArchiveMember *member = find(name);
    if (!member)
      return emitError(location) << "expected an input '" << name << "'; give it with --input "
                                 << name << "=FILE.npy";
    llvm::Expected<Tensor> array =
        parseNumpyArray(member->bytes, tensor ? interp::runtimeElementType(tensor.getElementType())
                                              : ElementType::Undefined);
    if (!array)
      return emitError(location) << "input '" << name << "': " << llvm::toString(array.takeError());
    result = std::move(*array);
    return success();
  }

private:
  const ArchiveMember *find(StringRef name) const {
    for (const ArchiveMember &member : arrays)
      if (member.name == name)
        return &member;
    return nullptr;
  }
  bool has(StringRef name) const { return find(name) || find((name + "/0").str()); }

  std::vector<std::shared_ptr<MappedFile>> files;
  std::vector<ArchiveMember> arrays;
};

std::string nameOf(Attribute attribute, StringRef prefix, unsigned i) {
  auto name = llvm::dyn_cast_or_null<StringAttr>(attribute);
  return name ? name.str() : (prefix + llvm::Twine(i)).str();
}

/// A sequence becomes NAME/0, NAME/1, ...; an empty one, or an absent optional, leaves nothing.
LogicalResult collect(const std::string &name, const interp::Value &value, Location location,
                      std::vector<std::pair<std::string, Tensor>> &arrays) {
  if (const Tensor *tensor = value.tensor()) {
    arrays.push_back({name, *tensor});
    return success();
  }
  if (const interp::Sequence *sequence = value.sequence()) {
    for (auto [i, element] : llvm::enumerate(*sequence))
      if (failed(collect(name + "/" + std::to_string(i), element, location, arrays)))
        return failure();
    return success();
  }
  return value.isNone() ? success()
                        : emitError(location) << "result '" << name
                                              << "' is a quantized tensor, which .npz cannot hold";
}

LogicalResult runFunction(interp::Interpreter &interpreter, func::FuncOp function,
                          const ModuleRun &run) {
  InputFiles files;
  if (failed(files.open(run.inputs, function.getLoc())))
    return failure();
  llvm::SmallVector<interp::Value> inputs, results;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    inputs.emplace_back();
    if (failed(files.value(nameOf(function.getArgAttr(i, "onnx.name"), "arg", i), type,
                           function.getLoc(), inputs.back())))
      return failure();
  }
  for (unsigned i = 0; i < std::max(1u, run.repeat); ++i) {
    auto start = std::chrono::steady_clock::now();
    results.clear();
    if (failed(interpreter.run(function.getSymName(), inputs, results)))
      return failure();
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (run.repeat)
      llvm::outs() << "run " << i + 1 << ": " << llvm::format("%.4f", seconds.count()) << " s\n";
  }
  std::vector<std::pair<std::string, Tensor>> arrays;
  for (auto [i, value] : llvm::enumerate(results))
    if (failed(collect(nameOf(function.getResultAttr(i, "onnx.name"), "result", i), value,
                       function.getLoc(), arrays)))
      return failure();
  if (run.output.empty()) {
    for (const auto &[name, tensor] : arrays)
      llvm::outs() << printable(name) << ": " << describe(tensor) << '\n';
    return success();
  }
  if (llvm::Error error = writeArchive(run.output, arrays))
    return emitError(function.getLoc()) << llvm::toString(std::move(error));
  return success();
}

} // namespace

LogicalResult ModuleRun::execute(MLIRContext *context) const {
  bool isOnnx = llvm::sys::path::extension(model) == ".onnx";
  llvm::SourceMgr sources;
  PrintableStream messages(llvm::errs());
  std::optional<SourceMgrDiagnosticHandler> handler; // lines of text to point at
  if (!isOnnx)
    handler.emplace(sources, context, messages);
  OwningOpRef<ModuleOp> module =
      isOnnx ? onnx::importModel(model, context) : loadModule(model, sources, context, limits);
  if (!module)
    return failure();
  interp::InterpreterOptions options;
  options.threads = threads;
  std::unique_ptr<emu::EmulatedDevice> emulator;
  if (!device.empty()) {
    emulator = emu::EmulatedDevice::create(*module, device, emu::CheckBounds | emu::CheckRaces);
    if (!emulator)
      return failure();
    options.device = emulator.get();
  }
  interp::Interpreter interpreter(*module, options);
  if (auto chosen = SymbolTable(*module).lookup<func::FuncOp>(function))
    return runFunction(interpreter, chosen, *this);
  if (function != "main" || !inputs.empty() || !output.empty())
    return emitError(module->getLoc())
           << "expected a function '" << function << "' to run, but the module has none";
  // A module of self-checking functions.
  bool all = true;
  for (auto candidate : module->getOps<func::FuncOp>())
    if (candidate.getNumArguments() == 0 && !candidate.isExternal())
      all &= succeeded(runFunction(interpreter, candidate, *this));
  return success(all);
}
