# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""usage: onnxruntime_quantize.py MODEL.onnx FOLDER: 4-bit weights in groups of 32 with ONNX Runtime's own quantizer."""
import sys

from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

source, folder = sys.argv[1:]
quantizer = MatMulNBitsQuantizer(source, bits=4, block_size=32, is_symmetric=True, op_types_to_quantize=("MatMul", "Gather"))
quantizer.process()
quantizer.model.save_model_to_file(folder + "/model.onnx", use_external_data_format=True)
