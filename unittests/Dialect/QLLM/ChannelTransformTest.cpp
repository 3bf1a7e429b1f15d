// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The promises of the ChannelTransform interface, checked by evaluating what it builds: a consumer
// that absorbed a transform gives on the transformed activation what it gave before, one that a
// transform was folded into gives without the transform what it gave with it, and a composition
// equals its two parts.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "gtest/gtest.h"
#include <functional>
#include <random>

using namespace mlir;
using namespace qllm;

namespace {

/// A float tensor whose last axis is `width` wide.
struct Array {
  size_t width = 0;
  std::vector<float> data;

  size_t rows() const { return data.size() / width; }
  ArrayRef<float> row(size_t i) const { return ArrayRef(data).slice(i * width, width); }
};

/// Values of the arguments, and of everything computed from them on demand.
class Evaluator {
public:
  void set(Value value, Array array) { known[value] = std::move(array); }

  Array get(Value value) {
    if (!known.count(value))
      known[value] = compute(value);
    return known[value];
  }

private:
  Array compute(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto transform = dyn_cast<ChannelTransform>(op))
      return apply(transform);
    auto linear = cast<LinearOp>(op);
    Array input = get(linear.getInput()), weight = get(linear.getWeight()), result;
    result.width = weight.rows();
    for (size_t i = 0; i < input.rows(); ++i)
      for (size_t n = 0; n < weight.rows(); ++n) {
        float sum = linear.getBias() ? get(linear.getBias()).data[n] : 0.0f;
        for (size_t k = 0; k < input.width; ++k)
          sum += input.row(i)[k] * weight.row(n)[k];
        result.data.push_back(sum);
      }
    return result;
  }

  Array apply(ChannelTransform transform) {
    Array input = get(transform.getTransformInput()), result;
    std::vector<Array> arrays;
    for (Value operand : transform->getOperands().drop_front())
      arrays.push_back(get(operand));
    std::vector<ArrayRef<float>> parameters(arrays.size());
    llvm::transform(arrays, parameters.begin(), [](const Array &a) { return ArrayRef(a.data); });
    result.width =
        cast<RankedTensorType>(transform.getTransformResult().getType()).getShape().back();
    result.data.resize(input.rows() * result.width);
    for (size_t i = 0; i < input.rows(); ++i)
      EXPECT_TRUE(succeeded(transform.applyToRow(
          input.row(i), parameters,
          MutableArrayRef(result.data).slice(i * result.width, result.width))));
    return result;
  }

  llvm::DenseMap<Value, Array> known;
};

constexpr int64_t tokens = 3, channels = 8, outputs = 5;

/// A function with an activation, the parameters of transforms, and places for consumers' weights.
class ChannelTransformTest : public ::testing::Test {
protected:
  ChannelTransformTest() : builder(&context) {
    context.loadDialect<QLLMDialect, func::FuncDialect>();
    module = ModuleOp::create(UnknownLoc::get(&context));
    builder.setInsertionPointToStart(module->getBody());
    auto function = func::FuncOp::create(builder, loc(), "f", builder.getFunctionType({}, {}));
    block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    x = argument({tokens, channels});
    factors = argument({channels});
    otherFactors = argument({channels});
    rotation = argument({2, 2});
    // Away from zero, as an absorbed scale divides by them; and an orthogonal matrix.
    for (Value value : {factors, otherFactors}) {
      Array array = values.get(value);
      for (float &v : array.data)
        v = v < 0 ? v - 0.5f : v + 0.5f;
      values.set(value, array);
    }
    values.set(rotation, {2, {0.6f, 0.8f, -0.8f, 0.6f}});
  }

  Location loc() { return builder.getUnknownLoc(); }

  Value argument(ArrayRef<int64_t> shape) {
    Value value = block->addArgument(RankedTensorType::get(shape, builder.getF32Type()), loc());
    Array array{size_t(shape.back()), {}};
    int64_t count = 1;
    for (int64_t dim : shape)
      count *= dim;
    std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
    for (int64_t i = 0; i < count; ++i)
      array.data.push_back(distribution(random));
    values.set(value, array);
    return value;
  }

  /// Weight (and, every second time, bias) of a linear layer for that many channels.
  LinearParameters consumer(int64_t width, bool bias) {
    return {argument({outputs, width}), bias ? argument({outputs}) : Value()};
  }

  Array linear(Value input, LinearParameters parameters) {
    return values.get(LinearOp::create(builder, loc(), input, parameters.weight, parameters.bias,
                                       builder.getF32Type()));
  }

  void expectClose(const Array &actual, const Array &expected) {
    ASSERT_EQ(actual.data.size(), expected.data.size());
    for (size_t i = 0; i < expected.data.size(); ++i)
      EXPECT_NEAR(actual.data[i], expected.data[i], 1e-5f) << "element " << i;
  }

  ChannelTransform make(Value result) { return cast<ChannelTransform>(result.getDefiningOp()); }

  /// Every transform, on channels of that width; some twice, in both directions.
  std::vector<ChannelTransform> all() {
    auto scale = [&](bool inverse) {
      return ScaleChannelsOp::create(builder, loc(), x, factors, inverse);
    };
    auto shift = [&](bool inverse) {
      return ShiftChannelsOp::create(builder, loc(), x, factors, inverse);
    };
    auto rotate = [&](bool inverse) {
      return RotateChannelsOp::create(builder, loc(), x, rotation, /*stride=*/1, inverse);
    };
    auto rotateFar = [&](bool inverse) {
      return RotateChannelsOp::create(builder, loc(), x, rotation, /*stride=*/2, inverse);
    };
    auto hadamard = RotateChannelsOp::create(builder, loc(), x, /*hadamard=*/4);
    auto hadamardFar = RotateChannelsOp::create(builder, loc(), x, /*hadamard=*/2, /*stride=*/4);
    auto permute =
        PermuteChannelsOp::create(builder, loc(), x, ArrayRef<int64_t>{2, 0, 1, 7, 6, 3, 4, 5});
    SmallVector<int64_t> parts{1, 3, 1, 2, 1, 1, 5, 1};
    auto split = SplitChannelsOp::create(builder, loc(), x, parts, /*repeat=*/false, true);
    auto repeat = SplitChannelsOp::create(builder, loc(), x, parts, /*repeat=*/true, false);
    return {make(scale(false)),  make(scale(true)),  make(shift(false)),     make(shift(true)),
            make(rotate(false)), make(rotate(true)), make(rotateFar(false)), make(rotateFar(true)),
            make(hadamard),      make(hadamardFar),  make(permute),          make(split),
            make(repeat)};
  }

  std::vector<ChannelTransform> merges() {
    SmallVector<int64_t> targets{0, 3, 0, 1, 2, 2, 0, 4};
    return {make(MergeChannelsOp::create(builder, loc(), x, targets, /*sum=*/false)),
            make(MergeChannelsOp::create(builder, loc(), x, targets, /*sum=*/true))};
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  OpBuilder builder;
  Block *block;
  Evaluator values;
  std::mt19937 random{7};
  Value x, factors, otherFactors, rotation;
};

TEST_F(ChannelTransformTest, AbsorbedTransformChangesNothing) {
  for (ChannelTransform transform : all())
    for (bool bias : {false, true}) {
      SCOPED_TRACE(transform->getName().getStringRef().str());
      ASSERT_TRUE(transform.isExact());
      LinearParameters before = consumer(channels, bias);
      FailureOr<LinearParameters> after = transform.absorb(builder, before);
      ASSERT_TRUE(succeeded(after));
      expectClose(linear(transform.getTransformResult(), *after), linear(x, before));
    }
}

TEST_F(ChannelTransformTest, FoldedTransformIsPartOfTheConsumer) {
  std::vector<ChannelTransform> transforms = all();
  for (ChannelTransform merge : merges())
    transforms.push_back(merge);
  for (ChannelTransform transform : transforms)
    for (bool bias : {false, true}) {
      SCOPED_TRACE(transform->getName().getStringRef().str());
      Value result = transform.getTransformResult();
      LinearParameters before =
          consumer(cast<RankedTensorType>(result.getType()).getShape().back(), bias);
      FailureOr<LinearParameters> after = transform.foldIntoConsumer(builder, before);
      ASSERT_TRUE(succeeded(after));
      expectClose(linear(x, *after), linear(result, before));
    }
}

// A merge loses information unless the members are equal; then nothing changes.
TEST_F(ChannelTransformTest, AbsorbedMergeIsExactOnEqualMembers) {
  Array equal{channels, {}};
  for (int64_t token = 0; token < tokens; ++token)
    for (int64_t target : {0, 3, 0, 1, 2, 2, 0, 4})
      equal.data.push_back(0.25f * float(target + token));
  values.set(x, equal);
  for (ChannelTransform transform : merges()) {
    EXPECT_FALSE(transform.isExact());
    LinearParameters before = consumer(channels, /*bias=*/true);
    FailureOr<LinearParameters> after = transform.absorb(builder, before);
    ASSERT_TRUE(succeeded(after));
    expectClose(linear(transform.getTransformResult(), *after), linear(x, before));
  }
}

TEST_F(ChannelTransformTest, QuantizedWeightCannotAbsorb) {
  auto format = cast<ElementFormatAttrInterface>(Attribute(IntFormatAttr::get(&context, 4)));
  Type type = QuantizedType::get({outputs, channels}, format, GranularityAttr::perTensor(&context));
  Value weight = block->addArgument(type, loc());
  std::vector<ChannelTransform> transforms = all();
  for (ChannelTransform merge : merges())
    transforms.push_back(merge);
  for (ChannelTransform transform : transforms) {
    EXPECT_TRUE(failed(transform.absorb(builder, {weight, Value()})));
    EXPECT_TRUE(failed(transform.foldIntoConsumer(builder, {weight, Value()})));
  }
}

TEST_F(ChannelTransformTest, ElementwiseTransformsComposeInAnyDirection) {
  for (bool inner : {false, true})
    for (bool outer : {false, true}) {
      auto check = [&](Value first, Value second) {
        FailureOr<Value> composed =
            make(second).composeAfter(builder, make(first), /*allowRounding=*/true);
        ASSERT_TRUE(succeeded(composed));
        EXPECT_EQ(make(*composed).getTransformInput(), x);
        expectClose(values.get(*composed), values.get(second));
        EXPECT_TRUE(failed(make(second).composeAfter(builder, make(first), false)));
      };
      Value scale = ScaleChannelsOp::create(builder, loc(), x, factors, inner);
      check(scale, ScaleChannelsOp::create(builder, loc(), scale, otherFactors, outer));
      Value shift = ShiftChannelsOp::create(builder, loc(), x, factors, inner);
      check(shift, ShiftChannelsOp::create(builder, loc(), shift, otherFactors, outer));
    }
}

TEST_F(ChannelTransformTest, RotationsCancel) {
  auto rotate = [&](Value input, int64_t stride, bool inverse) {
    return Value(RotateChannelsOp::create(builder, loc(), input, rotation, stride, inverse));
  };
  Value there = rotate(x, 2, false), back = rotate(there, 2, true);
  FailureOr<Value> composed = make(back).composeAfter(builder, make(there), true);
  ASSERT_TRUE(succeeded(composed));
  EXPECT_EQ(*composed, x);
  expectClose(values.get(back), values.get(x));

  // Twice the same way is another rotation, and so is one back with another stride.
  for (Value other : {rotate(there, 2, false), rotate(there, 1, true)})
    EXPECT_TRUE(failed(make(other).composeAfter(builder, make(there), true)));
}

TEST_F(ChannelTransformTest, HadamardsCancelOrGrow) {
  auto hadamard = [&](Value input, int64_t size, int64_t stride) {
    return Value(RotateChannelsOp::create(builder, loc(), input, size, stride));
  };
  Value first = hadamard(x, 2, 2), same = hadamard(first, 2, 2);
  FailureOr<Value> composed = make(same).composeAfter(builder, make(first), true);
  ASSERT_TRUE(succeeded(composed));
  EXPECT_EQ(*composed, x);

  // H2 with stride 2 between blocks of 2: one of 4 rows; whichever comes first.
  for (auto [inner, outer] : {std::pair(1, 2), std::pair(2, 1), std::pair(2, 4)}) {
    Value low = hadamard(x, 2, inner), both = hadamard(low, 2, outer);
    composed = make(both).composeAfter(builder, make(low), true);
    ASSERT_TRUE(succeeded(composed));
    auto one = cast<RotateChannelsOp>(composed->getDefiningOp());
    EXPECT_EQ(one.getInput(), x);
    EXPECT_EQ(one.getBlockSize(), 4);
    EXPECT_EQ(int64_t(one.getStride()), std::min(inner, outer));
    expectClose(values.get(*composed), values.get(both));
    EXPECT_TRUE(failed(make(both).composeAfter(builder, make(low), false)));
  }
  // Strides 1 and 4 leave a gap at 2.
  Value low = hadamard(x, 2, 1), far = hadamard(low, 2, 4);
  EXPECT_TRUE(failed(make(far).composeAfter(builder, make(low), true)));
}

TEST_F(ChannelTransformTest, MergingTheCopiesOfASplitUndoesIt) {
  SmallVector<int64_t> parts{1, 3, 1, 2, 1, 1, 1, 1}, owners{0, 1, 1, 1, 2, 3, 3, 4, 5, 6, 7};
  for (bool repeat : {false, true}) {
    Value split = SplitChannelsOp::create(builder, loc(), x, parts, repeat, false);
    Value merged = MergeChannelsOp::create(builder, loc(), split, owners, /*sum=*/!repeat);
    FailureOr<Value> composed = make(merged).composeAfter(builder, make(split), true);
    ASSERT_TRUE(succeeded(composed));
    EXPECT_EQ(*composed, x);
    expectClose(values.get(merged), values.get(x));
    // The mean of shares is not the channel.
    Value wrong = MergeChannelsOp::create(builder, loc(), split, owners, /*sum=*/repeat);
    EXPECT_TRUE(failed(make(wrong).composeAfter(builder, make(split), true)));
  }
}

TEST_F(ChannelTransformTest, OffsetsOfCopiesRoundAsTheWholeChannel) {
  auto split = SplitChannelsOp::create(builder, loc(), x, ArrayRef<int64_t>{1, 2, 3, 4, 5, 1, 1, 7},
                                       false, true);
  SmallVector<float> offsets = split.computeRoundingOffsets();
  ASSERT_EQ(offsets.size(), 24u);
  std::uniform_real_distribution<float> distribution(-9.0f, 9.0f);
  ArrayRef<float> next = offsets;
  for (int64_t part : split.getParts()) {
    ArrayRef<float> copies = next.take_front(part);
    next = next.drop_front(part);
    for (int trial = 0; trial < 100; ++trial) {
      float y = distribution(random), sum = 0;
      for (float offset : copies)
        sum += std::nearbyint(y / float(part) + offset);
      EXPECT_NEAR(sum, y, 0.5001f) << part << " copies";
    }
  }
}

TEST_F(ChannelTransformTest, WrongSizesAreRefused) {
  std::vector<float> row(channels), narrow(channels - 1), output(64);
  for (ChannelTransform transform : all())
    EXPECT_TRUE(failed(transform.applyToRow(narrow, {ArrayRef<float>(row)}, output)))
        << transform->getName().getStringRef().str();
}

} // namespace
