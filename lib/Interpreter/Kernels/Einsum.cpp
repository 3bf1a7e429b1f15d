// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Einsum: a sum over all labels that the result does not have. A plain loop; models' products are
// MatMul.

#include "Axes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// The labels of one term; those of an ellipsis are digits counted from the right, '0' for the last
/// dimension.
LogicalResult parseTerm(KernelContext &ctx, llvm::StringRef term, int64_t ellipsisRank,
                        std::string &labels) {
  labels.clear();
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == ' ')
      continue;
    if (term.substr(i).starts_with("...")) {
      if (ellipsisRank > 10)
        return ctx.fail("expected an ellipsis of at most 10 dimensions");
      for (int64_t d = ellipsisRank - 1; d >= 0; --d)
        labels += char('0' + d);
      i += 2;
    } else if (llvm::isAlpha(term[i])) {
      labels += term[i];
    } else {
      return ctx.fail("expected letters, commas, an arrow and ellipses, but got '" +
                      llvm::Twine(term[i]) + "'");
    }
  }
  return success();
}

struct Equation {
  std::vector<std::string> operands;
  std::string result;
  /// All labels: those of the result first.
  std::string order;
  llvm::DenseMap<int, int64_t> sizes;

  LogicalResult parse(KernelContext &ctx, llvm::StringRef text) {
    auto [left, right] = text.split("->");
    llvm::SmallVector<llvm::StringRef> terms;
    left.split(terms, ',');
    if (terms.size() != ctx.inputCount())
      return ctx.fail("expected a term for each of " + llvm::Twine(ctx.inputCount()) +
                      " operands, but got " + llvm::Twine(terms.size()));
    int64_t widest = 0;
    for (auto [i, term] : llvm::enumerate(terms)) {
      int64_t named = llvm::count_if(term, llvm::isAlpha), rank = ctx.in(i).rank();
      bool ellipsis = term.contains("...");
      int64_t covered = ellipsis ? rank - named : 0;
      operands.emplace_back();
      if (covered < 0 || failed(parseTerm(ctx, term, covered, operands.back())) ||
          int64_t(operands.back().size()) != rank)
        return ctx.fail("expected a label for each dimension of " + describe(ctx.in(i)) +
                        ", but got '" + term + "'");
      widest = std::max(widest, covered);
      if (failed(addSizes(ctx, i)))
        return failure();
    }
    if (text.contains("->"))
      return failed(parseTerm(ctx, right, widest, result)) ? failure() : orderLabels(ctx);
    // Without an arrow: the ellipsis, then the labels that occur once, in alphabetical order.
    for (int64_t d = widest - 1; d >= 0; --d)
      result += char('0' + d);
    std::string all = llvm::join(operands, "");
    for (int letter = 0; letter < 128; ++letter)
      if (llvm::isAlpha(char(letter)) && llvm::count(all, char(letter)) == 1)
        result += char(letter);
    return orderLabels(ctx);
  }

  LogicalResult addSizes(KernelContext &ctx, size_t i) {
    for (auto [d, label] : llvm::enumerate(operands[i])) {
      int64_t &size = sizes.try_emplace(int(label), 1).first->second,
              given = ctx.in(i).dim(int64_t(d));
      if (size != 1 && given != 1 && size != given)
        return ctx.fail("expected one size for label '" + llvm::Twine(label) + "', but got " +
                        llvm::Twine(size) + " and " + llvm::Twine(given));
      size = size == 1 ? given : size;
    }
    return success();
  }

  LogicalResult orderLabels(KernelContext &ctx) {
    order = result;
    for (char label : result)
      if (!sizes.count(int(label)) || llvm::count(result, label) != 1)
        return ctx.fail("expected each label of the result once and among the operands, but got '" +
                        result + "'");
    for (const std::string &labels : operands)
      for (char label : labels)
        if (!llvm::is_contained(order, label))
          order += label;
    return success();
  }
};

template <typename T>
void evaluate(KernelContext &ctx, const Equation &equation, const std::vector<Shape> &strides,
              Tensor &out) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  size_t kept = equation.result.size(), count = equation.order.size();
  Shape sizes;
  int64_t summed = 1;
  for (auto [i, label] : llvm::enumerate(equation.order)) {
    sizes.push_back(equation.sizes.lookup(int(label)));
    summed *= i < kept ? 1 : sizes.back();
  }
  auto offset = [&](const Shape &stride, int64_t index, size_t from, size_t to) {
    int64_t at = 0;
    for (size_t d = to; d-- > from;) {
      at += index % sizes[d] * stride[d];
      index /= sizes[d];
    }
    return at;
  };
  ctx.pool().forRange(
      out.size(), std::max<int64_t>(1, elementGrain / std::max<int64_t>(1, summed)),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Wide sum = 0;
          for (int64_t k = 0; k < summed; ++k) {
            Wide term = 1;
            for (unsigned operand = 0; operand < ctx.inputCount(); ++operand)
              term *= Wide(ctx.in(operand).data<T>()[offset(strides[operand], i, 0, kept) +
                                                     offset(strides[operand], k, kept, count)]);
            sum += term;
          }
          out.mutableData<T>()[i] = T(sum);
        }
      });
}

LogicalResult einsum(KernelContext &ctx) {
  for (unsigned i = 0; i < ctx.inputCount(); ++i)
    if (!ctx.has(i) || ctx.in(i).type() != ctx.in(0).type())
      return ctx.fail("expected operands of one element type");
  Equation equation;
  if (failed(equation.parse(ctx, ctx.attr("equation", ""))))
    return failure();
  // A label that an operand lacks, or has with size 1, does not move it; one that it has twice
  // walks the diagonal.
  std::vector<Shape> strides;
  for (unsigned i = 0; i < ctx.inputCount(); ++i) {
    Shape own = stridesOf(ctx.in(i).shape()), ordered(equation.order.size(), 0);
    for (auto [d, label] : llvm::enumerate(equation.operands[i]))
      if (ctx.in(i).dim(int64_t(d)) != 1)
        ordered[equation.order.find(label)] += own[d];
    strides.push_back(ordered);
  }
  Shape all;
  for (char label : equation.order)
    all.push_back(equation.sizes.lookup(int(label)));
  if (!elementCount(all))
    return ctx.fail("expected a representable number of products, but got " + describeShape(all));
  Shape shape;
  for (char label : equation.result)
    shape.push_back(equation.sizes.lookup(int(label)));
  Tensor *out = ctx.allocate(0, ctx.in(0).type(), shape);
  if (!out)
    return failure();
  bool known = dispatchArithmetic(out->type(), [&](auto tag) {
    evaluate<TypeIn<decltype(tag)>>(ctx, equation, strides, *out);
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addEinsumKernels(KernelRegistry &registry) {
  registry.add("Einsum", einsum, 1, KernelRegistry::variadic);
}
