# lit: every .mlir and .test below this folder runs the commands in its RUN lines.
import os
import shutil

import lit.formats

config.name = "qllm"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "lib"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.qllm_build, "test")

path = [os.path.join(config.qllm_build, "bin"), config.llvm_tools, os.environ["PATH"]]
config.environment["PATH"] = os.pathsep.join(path)
# Set by utils/check.py for a build with sanitizers.
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.substitutions += [
    ("%python", config.python),
    ("%qllm_build", config.qllm_build),
    ("%qllm_source", config.qllm_source),
    ("%qllm_build", config.qllm_build),
    ("%cmake", os.path.join(os.path.dirname(config.python), "cmake")),
    ("%qllm_plugin", config.plugin),
    ("%qllm_emu_runtime", config.emulator_runtime),
    ("%mlir_libraries", config.llvm_libraries),
    ("%sanitize", config.sanitize),
    ("%qllm_utils", os.path.join(config.qllm_source, "utils")),
]

# A sanitizer's shadow is larger than any limit of memory.
if not config.sanitize:
    config.available_features.add("memory-limits")

# NVIDIA's tools check what we emit where they are installed; nothing else depends on them.
config.available_features.update(tool for tool in ("ptxas", "cuobjdump", "nvdisasm") if shutil.which(tool))

# What a card has computed, once one has.
if os.path.isdir(os.path.join(config.test_source_root, "Emulator", "Golden")):
    config.available_features.add("golden")
