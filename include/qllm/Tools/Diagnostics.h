// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How all tools word where a diagnostic comes from.

#ifndef QLLM_TOOLS_DIAGNOSTICS_H
#define QLLM_TOOLS_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"

namespace qllm {

/// `FILE:LINE:COLUMN: `, or `FILE: ` for formats without lines such as ONNX, or nothing.
std::string diagnosticPlace(mlir::Diagnostic &diagnostic);

/// The message, behind the name of the node it is about unless it says that itself. Notes are not included.
std::string diagnosticMessage(mlir::Diagnostic &diagnostic);

/// Place and message, and a line for each note.
std::string diagnosticText(mlir::Diagnostic &diagnostic);

/// Writes place, severity and message to stderr, a line each for the diagnostic and its notes, as PrintableStream does.
void printDiagnostic(mlir::Diagnostic &diagnostic);

} // namespace qllm

#endif // QLLM_TOOLS_DIAGNOSTICS_H
