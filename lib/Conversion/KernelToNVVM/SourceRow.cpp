// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each step where the operation wants it.

#include "SourceRow.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

FloatRow qllm::emitSourceRow(CodeBuilder &code, const RowSource &source,
                             const KernelFunction &arguments, RowThreads &threads,
                             const kernels::QuantizeKernel &kernel) {
  FloatRow row(code, threads, kernel, kernel.columns);
  row.load(arguments[source.input]);
  if (source.residual)
    row.addResidual(arguments[source.residual], arguments[source.stream]);
  if (source.norm)
    row.normalize({source.norm == NormKind::Layer, source.epsilon->convertToFloat(),
                   arguments[source.normWeight], arguments[source.normBias]});
  if (source.gate)
    row.gate(arguments[source.gate]);
  if (source.index) {
    auto type = cast<RankedTensorType>(source.index.getType());
    row.gather(arguments[source.index], type.getRank() == 2 ? type.getDimSize(0) : 1,
               kernel.innerColumns);
  }
  if (source.multiply)
    row.multiply(arguments[source.multiply]);
  if (source.add)
    row.add(arguments[source.add]);
  if (source.hadamard != 1)
    row.rotate(source.hadamard);
  return row;
}
