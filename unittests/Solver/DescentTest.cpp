// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Descent.h"
#include "RandomMatrix.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

struct Case {
  explicit Case(ThreadPool &pool) : weight(randomMatrix(9, 20, 1)) {
    hessian = gram(pool, activations(200, 20, 2));
    for (int64_t j = 0; j < 20; ++j)
      order.push_back(j);
  }

  RoundedMatrix nearest(ThreadPool &pool) const {
    llvm::Expected<WeightScales> scales = chooseScales(pool, weight, format, {}, nullptr);
    return llvm::cantFail(roundNearest(pool, weight, format, llvm::cantFail(std::move(scales))));
  }

  RowFormat format = integerRows(3, false, 10);
  MatrixF weight;
  MatrixD hessian;
  std::vector<int64_t> order;
};

TEST(Descent, StopsWhereNoSingleCodeHelps) {
  ThreadPool pool(1);
  Case test(pool);
  RoundedMatrix rounded = test.nearest(pool);
  double before = outputError(pool, test.weight, rounded.values, test.hessian);
  descend(pool, test.weight, test.format, toFloat(test.hessian), test.order, 100, rounded);
  double after = outputError(pool, test.weight, rounded.values, test.hessian);
  EXPECT_LT(after, 0.9 * before);
  // Every other code of every element, one at a time, loses more.
  for (int64_t row = 0; row < test.weight.rows(); ++row)
    for (int64_t j = 0; j < test.weight.columns(); ++j)
      for (int code = 0; code < 8; ++code) {
        MatrixF other = rounded.values;
        GroupParameters parameters = rounded.scales.at(row, j / 10);
        other(row, j) = parameters.scale * float(code - parameters.zeroPoint);
        EXPECT_GE(outputError(pool, test.weight, other, test.hessian), after * (1 - 1e-4));
      }
}

TEST(Descent, CodesAndValuesAgree) {
  ThreadPool pool(1);
  Case test(pool);
  RoundedMatrix rounded = test.nearest(pool);
  descend(pool, test.weight, test.format, toFloat(test.hessian), test.order, 3, rounded);
  for (int64_t row = 0; row < test.weight.rows(); ++row)
    for (int64_t j = 0; j < test.weight.columns(); ++j) {
      GroupParameters parameters = rounded.scales.at(row, j / 10);
      EXPECT_FLOAT_EQ(rounded.values(row, j),
                      parameters.scale * float(int(rounded.codes(row, j)) - parameters.zeroPoint));
    }
}

TEST(Descent, ThreadsDoNotChangeBytes) {
  std::vector<std::vector<uint8_t>> codes;
  for (unsigned threads : {1u, 3u}) {
    ThreadPool pool(threads);
    Case test(pool);
    RoundedMatrix rounded = test.nearest(pool);
    descend(pool, test.weight, test.format, toFloat(test.hessian), test.order, 2, rounded);
    codes.push_back(rounded.codes.values().vec());
  }
  EXPECT_EQ(codes[0], codes[1]);
}

} // namespace
