// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each link loads the elements that lie where the result's do.

#include "ResultRow.h"

#include "FloatMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qllm;

ResultRow::ResultRow(CodeBuilder &code, LinearPlace &place, const LinearArguments &arguments,
                     int64_t row)
    : code(code), result(code, place, arguments.result, row) {
  if (arguments.gate)
    gate.emplace(code, place, arguments.gate, row);
  if (arguments.residual)
    residual.emplace(code, place, arguments.residual, row);
}

Value ResultRow::finish(Value value, Value gate, Value residual) {
  auto widen = [&](Value narrow) {
    return narrow.getType() == code.f32()
               ? narrow
               : arith::ExtFOp::create(code.getBuilder(), code.getLoc(), code.f32(), narrow)
                     .getResult();
  };
  if (gate)
    value = code.multiplyFloat(value, floats::silu(code, widen(gate)));
  return residual ? code.addFloat(value, widen(residual)) : value;
}

void ResultRow::storePair(Value column, std::array<Value, 2> values) {
  std::array<Value, 2> gates, residuals;
  if (gate)
    gates = gate->loadPair(column);
  if (residual)
    residuals = residual->loadPair(column);
  for (unsigned i = 0; i != 2; ++i)
    values[i] = finish(values[i], gates[i], residuals[i]);
  result.storePair(column, values);
}

void ResultRow::store(Value column, Value value) {
  result.store(column, finish(value, gate ? gate->load(column) : Value(),
                              residual ? residual->load(column) : Value()));
}
