// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a calibration run feeds to a model.

#ifndef QLLM_CALIBRATION_CALIBRATIONDATA_H
#define QLLM_CALIBRATION_CALIBRATIONDATA_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Interpreter/Value.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace qllm {

struct CalibrationFile {
  /// .npy, .npz or .safetensors; its bytes tell which.
  std::string path;
  int64_t windows = 16;
  /// Tokens of a window, where the file is a text.
  int64_t length = 256;
};

/// The inputs of the function for each window.
///
/// - A .npy of integers, for a function that takes `input_ids`: a text of one axis is cut into
///   windows at equal spacing (`windowStarts`), the rows of a two-dimensional array are windows as
///   they are. Other inputs of a prefill (masks, positions, empty caches) are filled in.
/// - Any other .npy, for a function of one input: its first axis counts samples.
/// - A .npz with an array for each input, by name (`onnx.name`, or `arg0`, `arg1`, ..): the first
///   axis counts samples. Inputs of a prefill may be left out if `input_ids` is there.
/// - A .safetensors file: as a .npz, or as a .npy where it holds one tensor of another name.
///
/// A sample keeps a first axis of 1 unless the model's input has one axis less than the array. At
/// most `windows` samples are taken, at equal spacing. Fails with wanted and found values where the
/// file does not fit the model.
llvm::Expected<std::vector<std::vector<interp::Value>>>
readCalibration(mlir::func::FuncOp function, const CalibrationFile &file);

} // namespace qllm

#endif // QLLM_CALIBRATION_CALIBRATIONDATA_H
