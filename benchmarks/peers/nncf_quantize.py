# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""usage: nncf_quantize.py MODEL.onnx FOLDER: 4-bit weights in groups of 32, embedding and head too, with nncf on OpenVINO."""
import sys

import nncf
import openvino

source, folder = sys.argv[1:]
model = nncf.compress_weights(
    openvino.Core().read_model(source), mode=nncf.CompressWeightsMode.INT4_SYM, ratio=1.0, group_size=32, all_layers=True)
openvino.save_model(model, folder + "/model.xml")
