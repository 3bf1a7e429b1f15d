# Finds what ./run setup installs; each failure says how to get what is missing.
find_package(MLIR 22.1 REQUIRED CONFIG)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

find_package(Protobuf REQUIRED)
find_package(ONNX CONFIG QUIET)
if(NOT ONNX_FOUND)
  message(FATAL_ERROR "the ONNX C++ library was not found; './run setup' builds it into build/deps")
endif()
find_package(OneDNN REQUIRED)
find_package(OpenBLASSerial REQUIRED)
find_package(nlohmann_json REQUIRED CONFIG)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)

set(QLLM_PYTHON ${PROJECT_SOURCE_DIR}/build/venv/bin/python CACHE FILEPATH "Python with utils/requirements.txt installed")
