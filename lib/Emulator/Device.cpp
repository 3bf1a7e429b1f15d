// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors to buffers and back: the device has codes of four bits two to a byte.

#include "qllm/Emulator/Device.h"

#include "DeviceBuffer.h"
#include "mlir/IR/BuiltinOps.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace qllm;
using namespace qllm::emu;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

namespace {

/// The shape of a result, whose dynamic dimensions are the number of rows.
Shape shapeOf(mlir::Type type, int64_t rows) {
  Shape shape;
  for (int64_t size : llvm::cast<mlir::ShapedType>(type).getShape())
    shape.push_back(mlir::ShapedType::isDynamic(size) ? rows : size);
  return shape;
}

/// Everything that one launch takes.
struct Arguments {
  std::vector<DeviceBuffer> operands, results;
  std::vector<int32_t> sizes;
  std::vector<const void *> addresses;
  std::vector<Buffer> described;

  /// Buffers do not move any more.
  void collect() {
    for (auto *list : {&operands, &results})
      for (DeviceBuffer &buffer : *list) {
        addresses.push_back(buffer.argument());
        described.push_back(
            {(list == &operands ? "operand " : "result ") + std::to_string(&buffer - list->data()),
             buffer.data(), buffer.size(), list == &results});
      }
    for (int32_t &size : sizes)
      addresses.push_back(&size);
  }
};

LogicalResult uploadOperands(interp::KernelContext &ctx, Arguments &arguments) {
  for (unsigned i = 0; i < ctx.inputCount(); ++i) {
    const Tensor *tensor = ctx.value(i).tensor();
    if (!tensor)
      return ctx.fail("expected a tensor as operand " + llvm::Twine(i) + ", but got " +
                      ctx.value(i).describe());
    DeviceBuffer buffer;
    if (!buffer.upload(*tensor))
      return ctx.fail("cannot put " + describe(*tensor) + " into device memory");
    arguments.operands.push_back(std::move(buffer));
  }
  return success();
}

} // namespace

std::unique_ptr<EmulatedDevice> EmulatedDevice::create(mlir::ModuleOp module,
                                                       llvm::StringRef target, uint32_t checks) {
  auto device = std::unique_ptr<EmulatedDevice>(new EmulatedDevice());
  device->target = target.str();
  device->checks = checks;
  llvm::StringRef number = target;
  if (!number.consume_front("sm_") || number.rtrim("af").getAsInteger(10, device->architecture)) {
    module.emitError() << "expected a device such as sm_80, but got '" << target << "'";
    return nullptr;
  }
  device->kernels = KernelModule::compile(module, checks != 0, target);
  return device->kernels ? std::move(device) : nullptr;
}

LogicalResult EmulatedDevice::launch(mlir::Operation *op, interp::KernelContext &ctx) {
  auto launch = llvm::cast<qk::LaunchOp>(op);
  const Kernel *kernel = kernels->find(launch.getKernel());
  qk::GeometryAttr geometry = launch.getGeometryOn(target);
  if (!kernel || !geometry)
    return ctx.fail("the module has no kernel '" + launch.getKernel() + "' for " + target);
  if (!geometry.getMaps().empty())
    return ctx.fail("kernel '" + launch.getKernel() + "' wants tensor maps");
  Arguments arguments;
  if (failed(uploadOperands(ctx, arguments)))
    return failure();
  llvm::ArrayRef<int64_t> sizes = launch.getSizes();
  for (size_t entry = 0; entry != sizes.size(); entry += 2)
    arguments.sizes.push_back(int32_t(ctx.in(unsigned(sizes[entry])).dim(sizes[entry + 1])));
  int64_t rows = arguments.sizes.front();
  std::vector<Shape> shapes;
  for (mlir::Type type : launch.getResultTypes()) {
    shapes.push_back(shapeOf(type, rows));
    DeviceBuffer buffer;
    if (!buffer.allocate(
            interp::runtimeElementType(llvm::cast<mlir::ShapedType>(type).getElementType()),
            *elementCount(shapes.back())))
      return ctx.fail("no device memory for a result of " + describeShape(shapes.back()));
    arguments.results.push_back(std::move(buffer));
  }
  arguments.collect();

  Launch settings;
  settings.grid = {uint32_t(geometry.getColumns()),
                   uint32_t(llvm::divideCeil(rows, geometry.getTileRows())),
                   uint32_t(geometry.getLayers())};
  settings.block = {uint32_t(geometry.getThreads()), 1, 1};
  settings.dynamicSharedBytes = size_t(geometry.getShared());
  settings.arguments = arguments.addresses.data();
  settings.buffers = arguments.described;
  settings.checks = checks;
  settings.architecture = architecture;
  if (arguments.addresses.size() != kernel->parameters.size())
    return ctx.fail("kernel '" + launch.getKernel() + "' takes " +
                    llvm::Twine(kernel->parameters.size()) + " arguments, but the launch has " +
                    llvm::Twine(arguments.addresses.size()));
  if (std::string error = launchError(kernel->program, settings); !error.empty())
    return ctx.fail(error);
  RunReport report = run(kernel->program, settings);
  ++count;
  seconds += report.cpuSeconds;
  if (!report.findings.empty()) {
    const Finding &finding = report.findings.front();
    return ctx.fail("kernel '" + launch.getKernel() + "' at " + finding.location + ": " +
                    finding.first);
  }
  for (auto [i, buffer] : llvm::enumerate(arguments.results)) {
    Tensor *result = ctx.allocate(unsigned(i), buffer.type(), shapes[i]);
    if (!result)
      return failure();
    buffer.download(*result);
  }
  return success();
}
