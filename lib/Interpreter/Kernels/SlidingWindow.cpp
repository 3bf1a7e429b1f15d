// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SlidingWindow.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult readList(KernelContext &ctx, llvm::StringRef name, int64_t count, int64_t otherwise,
                       int64_t least, Shape &values) {
  values = ctx.attrs().integers(name).value_or(Shape(count, otherwise));
  bool valid = int64_t(values.size()) == count;
  for (int64_t value : values)
    valid = valid && value >= least && value < (int64_t(1) << 31);
  return valid
             ? success()
             : ctx.fail("expected " + llvm::Twine(count) + " values of at least " +
                        llvm::Twine(least) + " for " + name + ", but got " + describeShape(values));
}

/// Padding so that the output is the input over the stride, rounded up; an odd one goes where
/// `upper` says.
void padSame(SlidingWindow &window, bool upper) {
  for (int64_t d = 0; d < window.rank(); ++d) {
    int64_t outputs = (window.input[d] + window.strides[d] - 1) / window.strides[d];
    int64_t span = (window.kernel[d] - 1) * window.dilations[d] + 1;
    int64_t total =
        std::max<int64_t>(0, (outputs - 1) * window.strides[d] + span - window.input[d]);
    window.padsBefore[d] = upper ? total / 2 : total - total / 2;
    window.padsAfter[d] = total - window.padsBefore[d];
  }
}

} // namespace

LogicalResult SlidingWindow::read(KernelContext &ctx, llvm::ArrayRef<int64_t> shape,
                                  llvm::ArrayRef<int64_t> kernelShape) {
  if (shape.size() < 3 || kernelShape.size() + 2 != shape.size() ||
      llvm::any_of(kernelShape, [](int64_t k) { return k < 1 || k >= (int64_t(1) << 31); }))
    return ctx.fail("expected a kernel for the spatial dimensions, but got " +
                    describeShape(kernelShape) + " for " + describeShape(shape));
  int64_t count = int64_t(kernelShape.size());
  Shape pads;
  input.assign(shape.begin() + 2, shape.end());
  kernel.assign(kernelShape.begin(), kernelShape.end());
  if (failed(readList(ctx, "strides", count, 1, 1, strides)) ||
      failed(readList(ctx, "dilations", count, 1, 1, dilations)) ||
      failed(readList(ctx, "pads", 2 * count, 0, 0, pads)))
    return failure();
  padsBefore.assign(pads.begin(), pads.begin() + count);
  padsAfter.assign(pads.begin() + count, pads.end());
  std::string automatic = ctx.attr("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    padSame(*this, automatic == "SAME_UPPER");
  else if (automatic == "VALID")
    padsBefore = padsAfter = Shape(count, 0);
  bool ceiling = ctx.attr("ceil_mode", int64_t(0));
  for (int64_t d = 0; d < count; ++d) {
    int64_t room = input[d] + padsBefore[d] + padsAfter[d] - ((kernel[d] - 1) * dilations[d] + 1);
    if (room < 0)
      return ctx.fail("expected a kernel that fits into the padded input, but got " +
                      describeShape(kernel) + " for " + describeShape(shape));
    int64_t places = (room + (ceiling ? strides[d] - 1 : 0)) / strides[d] + 1;
    // A window that would start in the padding behind the input is left out.
    if (ceiling && (places - 1) * strides[d] >= input[d] + padsBefore[d])
      --places;
    output.push_back(places);
  }
  if (!elementCount(input) || !elementCount(kernel) || !elementCount(output))
    return ctx.fail("expected a window of representable size, but got " + describeShape(kernel));
  return success();
}
