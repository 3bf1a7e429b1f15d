// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A launch is one run of a compiled kernel.

#include "qllm/Emulator/Device.h"

#include "LaunchMemory.h"
#include "mlir/IR/BuiltinOps.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Emulator/Architecture.h"
#include "qllm/Kernels/Target.h"

using namespace qllm;
using namespace qllm::emu;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

std::unique_ptr<EmulatedDevice> EmulatedDevice::create(mlir::ModuleOp module,
                                                       llvm::StringRef target, uint32_t checks) {
  auto device = std::unique_ptr<EmulatedDevice>(new EmulatedDevice());
  device->target = target.str();
  device->defaults.checks = checks;
  if (!setArchitecture(device->defaults, target)) {
    module.emitError() << "expected a device of " << kernels::listTargets() << ", but got '"
                       << target << "'";
    return nullptr;
  }
  // Without a launch there is nothing to compile.
  auto found = module.walk([](qk::LaunchOp) { return mlir::WalkResult::interrupt(); });
  if (!found.wasInterrupted())
    return device;
  device->kernels = KernelModule::compile(module, checks != 0, target);
  return device->kernels ? std::move(device) : nullptr;
}

LogicalResult EmulatedDevice::launch(mlir::Operation *op, interp::KernelContext &ctx) {
  auto launch = llvm::cast<qk::LaunchOp>(op);
  llvm::ArrayRef<int64_t> sizes = launch.getSizes();
  auto [name, geometry] = launch.getKernelOn(target, ctx.in(unsigned(sizes[0])).dim(sizes[1]));
  const Kernel *kernel = kernels->find(name);
  if (!kernel || !geometry)
    return ctx.fail("the module has no kernel '" + name + "' for " + target);
  LaunchMemory memory;
  if (failed(memory.prepare(launch, geometry, ctx)))
    return failure();
  if (memory.rows() == 0)
    return memory.finish(ctx); // no block has anything to do
  Launch settings = defaults;
  settings.grid = {uint32_t(geometry.getBlocksOfRows(memory.rows())),
                   uint32_t(geometry.getColumns()), uint32_t(geometry.getLayers())};
  settings.block = {uint32_t(geometry.getThreads()), 1, 1};
  settings.dynamicSharedBytes = size_t(geometry.getShared());
  settings.arguments = memory.arguments().data();
  settings.buffers = memory.buffers();
  if (memory.arguments().size() != kernel->parameters.size())
    return ctx.fail("kernel '" + name + "' takes " + llvm::Twine(kernel->parameters.size()) +
                    " arguments, but the launch has " + llvm::Twine(memory.arguments().size()));
  if (std::string error = launchError(kernel->program, settings); !error.empty())
    return ctx.fail(error);
  RunReport report = run(kernel->program, settings);
  if (!report.error.empty())
    return ctx.fail(report.error);
  ++count;
  seconds += report.cpuSeconds;
  if (!report.findings.empty()) {
    const Finding &finding = report.findings.front();
    return ctx.fail("kernel '" + name + "' at " + finding.location + ": " + finding.first);
  }
  return memory.finish(ctx);
}
