// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conv as a matrix product over gathered patches.

#include "SlidingWindow.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/Gemm.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// patches[channel * places + place, output] of one image and group.
void gatherPatches(ThreadPool &pool, const SlidingWindow &window, const float *image,
                   int64_t channels, float *patches) {
  int64_t outputs = window.outputSize(), places = window.kernelSize(), plane = window.inputSize();
  pool.forRange(outputs,
                std::max<int64_t>(1, elementGrain / std::max<int64_t>(1, channels * places)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t output = begin; output < end; ++output)
                    window.forPlaces(output, [&](int64_t place, int64_t offset) {
                      for (int64_t c = 0; c < channels; ++c)
                        patches[(c * places + place) * outputs + output] =
                            offset < 0 ? 0.0f : image[c * plane + offset];
                    });
                });
}

LogicalResult convolution(KernelContext &ctx) {
  llvm::Expected<Tensor> x = cast(ctx.in(0), ElementType::F32),
                         w = cast(ctx.in(1), ElementType::F32);
  llvm::Expected<Tensor> bias = ctx.has(2) ? cast(ctx.in(2), ElementType::F32) : Tensor();
  if (!x || !w || !bias)
    return ctx.fail(
        llvm::joinErrors(x.takeError(), llvm::joinErrors(w.takeError(), bias.takeError())));
  SlidingWindow window;
  if (w->rank() < 3 || w->rank() != x->rank() ||
      failed(window.read(ctx, x->shape(), w->shape().drop_front(2))))
    return ctx.fail("expected an image and filters of one rank of at least 3, but got " +
                    describe(*x) + " and " + describe(*w));
  int64_t groups = ctx.attr("group", int64_t(1)), filters = w->dim(0), channels = w->dim(1);
  if (groups < 1 || filters % groups != 0 || x->dim(1) != channels * groups ||
      (ctx.has(2) && bias->size() != filters))
    return ctx.fail("expected " + llvm::Twine(channels * std::max<int64_t>(groups, 0)) +
                    " channels and filters in " + llvm::Twine(groups) + " groups, but got " +
                    describe(*x) + " and " + describe(*w));
  Shape shape{x->dim(0), filters};
  shape.append(window.output);
  int64_t outputs = window.outputSize(), depth = channels * window.kernelSize(),
          perGroup = filters / groups;
  Tensor patches;
  Tensor *out = ctx.allocate(0, ElementType::F32, shape);
  if (!out || !ctx.temporary(patches, ElementType::F32, {depth, outputs}))
    return failure();
  // Places that ceil_mode leaves out do not occur here, but a patch is written as a whole all the
  // same.
  std::fill_n(patches.mutableData<float>(), patches.size(), 0.0f);
  for (int64_t image = 0; image < x->dim(0); ++image)
    for (int64_t group = 0; group < groups; ++group) {
      const float *from =
          x->data<float>() + (image * groups + group) * channels * window.inputSize();
      float *to = out->mutableData<float>() + (image * filters + group * perGroup) * outputs;
      gatherPatches(ctx.pool(), window, from, channels, patches.mutableData<float>());
      matmul(ctx.pool(), perGroup, outputs, depth, 1,
             {w->data<float>() + group * perGroup * depth, depth}, {patches.data<float>(), outputs},
             0, to, outputs);
      for (int64_t i = 0; ctx.has(2) && i < perGroup * outputs; ++i)
        to[i] += bias->data<float>()[group * perGroup + i / outputs];
    }
  return ctx.in(0).type() == ElementType::F64 ? ctx.setOrFail(0, cast(*out, ElementType::F64))
                                              : success();
}

} // namespace

void interp::addConvolutionKernels(KernelRegistry &registry) {
  registry.add("Conv", convolution, 2, 3);
}
