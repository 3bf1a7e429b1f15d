// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize: interpolation along one axis after the other.

#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

/// What one axis needs.
struct AxisResize {
  int64_t input = 0, output = 0;
  double scale = 1;
  double roiStart = 0, roiEnd = 1;
};

/// The neighbours of one output position: weights for consecutive input positions, clamped to the
/// axis when they are read.
struct Neighbours {
  int64_t first = 0;
  std::vector<double> weights;
  bool extrapolated = false;
};

class Interpolation {
public:
  LogicalResult read(KernelContext &ctx) {
    mode = ctx.attr("mode", "nearest");
    nearest = ctx.attr("nearest_mode", "round_prefer_floor");
    coordinates = ctx.attr("coordinate_transformation_mode", "half_pixel");
    antialias = ctx.attr("antialias", int64_t(0));
    excludesOutside = ctx.attr("exclude_outside", int64_t(0));
    cubicCoefficient = ctx.attr("cubic_coeff_a", -0.75);
    if (mode != "nearest" && mode != "linear" && mode != "cubic")
      return ctx.fail("expected mode nearest, linear or cubic, but got '" + mode + "'");
    static constexpr llvm::StringLiteral nearestModes[] = {"round_prefer_floor",
                                                           "round_prefer_ceil", "floor", "ceil"};
    static constexpr llvm::StringLiteral coordinateModes[] = {
        "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
        "align_corners", "asymmetric",           "tf_crop_and_resize"};
    if (!llvm::is_contained(nearestModes, nearest))
      return ctx.fail("expected a known nearest_mode, but got '" + nearest + "'");
    if (!llvm::is_contained(coordinateModes, coordinates))
      return ctx.fail("expected a known coordinate_transformation_mode, but got '" + coordinates +
                      "'");
    return success();
  }

  Neighbours neighboursOf(const AxisResize &axis, int64_t position) const {
    Neighbours result;
    double x = source(axis, double(position));
    result.extrapolated =
        coordinates == "tf_crop_and_resize" && (x < 0 || x > double(axis.input - 1));
    double below = std::floor(x), fraction = x - below;
    // A position that falls on an element is reached from the left.
    result.weights = weights(fraction == 0 ? 1.0 : fraction, axis.scale);
    int64_t count = int64_t(result.weights.size());
    result.first = int64_t(below) - count / 2 + (count % 2 == 0 ? fraction != 0 : fraction > 0.5);
    if (excludesOutside)
      excludeOutside(axis, result);
    return result;
  }

private:
  double source(const AxisResize &axis, double position) const {
    double length = axis.scale * double(axis.input), last = double(axis.input - 1);
    if (coordinates == "align_corners")
      return length == 1 ? 0 : position * last / (length - 1);
    if (coordinates == "asymmetric")
      return position / axis.scale;
    if (coordinates == "tf_crop_and_resize") {
      double span = (axis.roiEnd - axis.roiStart) * last;
      return axis.roiStart * last + (length == 1 ? span / 2 : position * span / (length - 1));
    }
    if (coordinates == "pytorch_half_pixel" && length == 1)
      return -0.5;
    double x = (position + 0.5) / axis.scale - 0.5;
    if (coordinates ==
        "half_pixel_symmetric") // the output may be a little shorter than the scale says
      x += double(axis.input) / 2 * (1 - double(axis.output) / length);
    return x;
  }

  std::vector<double> nearestWeights(double ratio) const {
    bool right = ratio == 1 || nearest == "ceil" ||
                 (nearest == "round_prefer_floor" && ratio > 0.5) ||
                 (nearest == "round_prefer_ceil" && ratio >= 0.5);
    return right ? std::vector<double>{0, 1} : std::vector<double>{1, 0};
  }

  double cubic(double x) const {
    double a = cubicCoefficient;
    x = std::fabs(x);
    if (x <= 1)
      return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
  }

  /// When shrinking with antialiasing the filter is as much wider as the output is smaller.
  std::vector<double> weights(double ratio, double scale) const {
    if (mode == "nearest")
      return nearestWeights(ratio);
    double radius = mode == "linear" ? 1 : 2, shrink = antialias ? std::min(scale, 1.0) : 1.0;
    int64_t start = int64_t(std::floor(-radius / shrink)) + 1;
    std::vector<double> result;
    double total = 0;
    for (int64_t i = start; i < 2 - start; ++i) {
      double x = (double(i) - ratio) * shrink;
      result.push_back(mode == "linear" ? std::max(0.0, 1 - std::fabs(x)) : cubic(x));
      total += result.back();
    }
    for (double &weight : result)
      weight /= antialias ? total : 1;
    return result;
  }

  static void excludeOutside(const AxisResize &axis, Neighbours &neighbours) {
    double total = 0;
    for (auto [i, weight] : llvm::enumerate(neighbours.weights)) {
      int64_t at = neighbours.first + int64_t(i);
      weight = at < 0 || at >= axis.input ? 0 : weight;
      total += weight;
    }
    for (double &weight : neighbours.weights)
      weight /= total == 0 ? 1 : total;
  }

  std::string mode, nearest, coordinates;
  bool antialias = false, excludesOutside = false;
  double cubicCoefficient = -0.75;
};

LogicalResult resizeAxis(KernelContext &ctx, const Interpolation &interpolation,
                         const AxisResize &axis, int64_t position, double extrapolation,
                         Tensor &x) {
  Shape shape(x.shape());
  shape[position] = axis.output;
  AxisView from(x.shape(), position), to(shape, position);
  Tensor result;
  if (!ctx.temporary(result, ElementType::F64, shape))
    return failure();
  ctx.pool().forRange(
      axis.output, std::max<int64_t>(1, elementGrain / std::max<int64_t>(1, to.outer * to.inner)),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Neighbours near = interpolation.neighboursOf(axis, i);
          for (int64_t k = 0; k < to.outer * to.inner; ++k) {
            int64_t outer = k / to.inner, inner = k % to.inner;
            const double *in = x.data<double>() + outer * from.length * from.inner + inner;
            double sum = 0;
            for (auto [n, weight] : llvm::enumerate(near.weights))
              sum +=
                  weight *
                  in[std::clamp<int64_t>(near.first + int64_t(n), 0, axis.input - 1) * from.inner];
            result.mutableData<double>()[(outer * to.length + i) * to.inner + inner] =
                near.extrapolated ? extrapolation : sum;
          }
        }
      });
  x = result;
  return success();
}

/// Scales and sizes of the axes concerned, from operands 1 to 3.
LogicalResult readSizes(KernelContext &ctx, Shape &axes,
                        llvm::SmallVectorImpl<AxisResize> &resizes) {
  const Tensor &x = ctx.in(0);
  bool given;
  if (failed(readAxes(ctx, KernelRegistry::variadic, x.rank(), axes, given)))
    return failure();
  for (int64_t axis = 0; !given && axis < x.rank(); ++axis)
    axes.push_back(axis);
  auto floats = [&](unsigned i, llvm::SmallVectorImpl<double> &values) -> LogicalResult {
    llvm::Expected<Tensor> wide = cast(ctx.in(i), ElementType::F64);
    if (!wide)
      return ctx.fail(wide.takeError());
    values.assign(wide->values<double>().begin(), wide->values<double>().end());
    return success();
  };
  llvm::SmallVector<double> scales, sizes, roi;
  bool hasScales = ctx.has(2) && ctx.in(2).size() > 0,
       hasSizes = ctx.has(3) && ctx.in(3).size() > 0;
  if ((hasScales && failed(floats(2, scales))) || (hasSizes && failed(floats(3, sizes))) ||
      (ctx.has(1) && ctx.in(1).size() > 0 && failed(floats(1, roi))))
    return failure();
  if (hasScales == hasSizes || (hasScales ? scales : sizes).size() != axes.size() ||
      (!roi.empty() && roi.size() != 2 * axes.size()))
    return ctx.fail("expected either scales or sizes, one for each of " + llvm::Twine(axes.size()) +
                    " axes");
  for (auto [i, axis] : llvm::enumerate(axes)) {
    AxisResize resize;
    resize.input = x.dim(axis);
    resize.scale = hasScales ? scales[i] : sizes[i] / double(std::max<int64_t>(1, resize.input));
    double output = hasScales ? std::floor(scales[i] * double(resize.input)) : sizes[i];
    if (!(resize.scale > 0) || !(output >= 0 && output < 1e15))
      return ctx.fail("expected positive scales and sizes");
    resize.output = int64_t(output);
    if (!roi.empty()) {
      resize.roiStart = roi[i];
      resize.roiEnd = roi[axes.size() + i];
    }
    resizes.push_back(resize);
  }
  std::string policy = ctx.attr("keep_aspect_ratio_policy", "stretch");
  if (!hasSizes || policy == "stretch")
    return success();
  if (policy != "not_larger" && policy != "not_smaller")
    return ctx.fail(
        "expected keep_aspect_ratio_policy stretch, not_larger or not_smaller, but got '" + policy +
        "'");
  double common = resizes.front().scale;
  for (const AxisResize &resize : resizes)
    common =
        policy == "not_larger" ? std::min(common, resize.scale) : std::max(common, resize.scale);
  for (AxisResize &resize : resizes) {
    resize.scale = common;
    resize.output = int64_t(common * double(resize.input) + 0.5);
  }
  return success();
}

LogicalResult resize(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  if (ctx.opset() < 11)
    return ctx.fail("Resize before opset 11 is not supported");
  Interpolation interpolation;
  Shape axes;
  llvm::SmallVector<AxisResize> resizes;
  if (failed(interpolation.read(ctx)) || failed(readSizes(ctx, axes, resizes)))
    return failure();
  llvm::Expected<Tensor> values = cast(x, ElementType::F64);
  if (!values)
    return ctx.fail(values.takeError());
  double extrapolation = ctx.attr("extrapolation_value", 0.0);
  for (auto [axis, resize] : llvm::zip_equal(axes, resizes)) {
    bool same = resize.output == resize.input && std::fabs(resize.scale - 1) < 1e-9 &&
                resize.roiStart == 0 && resize.roiEnd == 1;
    if (resize.input == 0 && resize.output > 0)
      return ctx.fail("expected elements along axis " + llvm::Twine(axis) + " of " + describe(x));
    if (!same && failed(resizeAxis(ctx, interpolation, resize, axis, extrapolation, *values)))
      return failure();
  }
  for (int64_t i = 0; isInteger(x.type()) && i < values->size(); ++i) {
    if (!values->isUnique())
      break; // nothing was resized
    values->mutableData<double>()[i] = std::nearbyint(values->data<double>()[i]);
  }
  return ctx.setOrFail(0, cast(*values, x.type()));
}

} // namespace

void interp::addResizeKernels(KernelRegistry &registry) { registry.add("Resize", resize, 1, 4); }
