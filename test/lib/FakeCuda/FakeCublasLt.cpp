// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of cuBLASLt that the benchmark calls, on the fake driver beside this library.
// Products are launches of a kernel that this file has as well. What the library would refuse is
// refused, and bytes that are no device memory are found. With QLLM_FAKE_CUBLASLT=refuses there is
// no algorithm, with =wrong products are of other, narrower matrices. With -DQLLM_CUBLASLT_H the
// compiler compares the signatures with those of the real cublasLt.h.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#ifdef QLLM_CUBLASLT_H
#include <cublasLt.h>
#else
using cublasStatus_t = int;
using cublasComputeType_t = int;
using cudaDataType_t = int;
using cudaDataType = int;
using cudaStream_t = struct CUstream_st *;
using cublasLtHandle_t = struct OpaqueHandle *;
using cublasLtMatmulDesc_t = struct OpaqueDescription *;
using cublasLtMatrixLayout_t = struct OpaqueLayout *;
using cublasLtMatmulPreference_t = struct OpaquePreference *;
using cublasLtMatmulDescAttributes_t = int;
using cublasLtMatmulPreferenceAttributes_t = int;
struct cublasLtMatmulAlgo_t {
  uint64_t data[8];
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};
#endif

namespace {

enum Status { Success = 0, InvalidValue = 7, NotSupported = 15 };
enum Type { Float = 0, Int8 = 3, Int32 = 10, BFloat = 14 };
enum Compute { ComputeFloat = 68, ComputeInt = 72 };
enum Attribute { TransposeA = 3, TransposeB = 4, MostWorkspace = 1 };
constexpr uint64_t magic = 0x716c6c6d;

struct Handle {
  uint64_t magic;
};
struct Description {
  int compute, scale, transposeA = 0, transposeB = 0;
};
struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t leading;
};
struct Preference {
  uint64_t workspace = 0;
};

/// What a product gives to its kernel, each by a pointer.
struct Arguments {
  const void *w, *x;
  void *y;
  int rows, outputs, depth, isInteger;
  std::vector<void *> pointers;
};

struct LaunchConfig {
  unsigned grid[3], block[3], shared;
  cudaStream_t stream;
  void *attributes;
  unsigned count;
};

cublasStatus_t result(Status status) { return cublasStatus_t(status); }

std::string ownPath() {
  Dl_info found;
  dladdr(reinterpret_cast<void *>(&ownPath), &found);
  return found.dli_fname;
}

/// A function of the fake driver, which lies in the same folder and is loaded already.
template <typename Type> Type driver(const char *name) {
  static void *library = [] {
    std::string path = ownPath();
    return dlopen((path.substr(0, path.rfind('/')) + "/QLLMFakeCuda.so").c_str(), RTLD_NOW);
  }();
  return reinterpret_cast<Type>(dlsym(library, name));
}

/// The kernel below, loaded as any kernel is.
void *kernel() {
  static void *function = [] {
    std::ifstream file(ownPath(), std::ios::binary);
    std::string image{std::istreambuf_iterator<char>(file), {}};
    void *module = nullptr, *found = nullptr;
    driver<int (*)(void **, const void *)>("cuModuleLoadData")(&module, image.data());
    driver<int (*)(void **, void *, const char *)>("cuModuleGetFunction")(&found, module,
                                                                          "cublaslt_product");
    return found;
  }();
  return function;
}

bool isDevice(const void *address, size_t size) {
  char byte;
  auto copy = driver<int (*)(void *, unsigned long long, size_t)>("cuMemcpyDtoH_v2");
  auto first = reinterpret_cast<uintptr_t>(address);
  return !copy(&byte, first, 1) && !copy(&byte, first + size - 1, 1);
}

/// Whether types and sizes are of a product of transposed w with x that tensor cores take.
bool fits(const Description &description, const Layout &w, const Layout &x, const Layout &y) {
  bool isInteger = w.type == Int8;
  int result = isInteger ? Int32 : BFloat, scale = isInteger ? Int32 : Float;
  return (isInteger || w.type == BFloat) && x.type == w.type && y.type == result &&
         description.scale == scale &&
         description.compute == (isInteger ? ComputeInt : ComputeFloat) &&
         description.transposeA == 1 && description.transposeB == 0 && w.rows == x.rows &&
         w.columns == y.rows && x.columns == y.columns && w.leading >= int64_t(w.rows) &&
         x.leading >= int64_t(x.rows) && y.leading >= int64_t(y.rows) &&
         !(isInteger && (w.rows % 4 || y.rows % 4 || w.leading % 4 || y.leading % 4));
}

size_t bytes(const Layout &layout) {
  size_t element = layout.type == Int8 ? 1 : layout.type == BFloat ? 2 : 4;
  return element * size_t(layout.leading) * layout.columns;
}

float widen(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

uint16_t narrow(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

bool isAsked(const char *what) {
  const char *value = getenv("QLLM_FAKE_CUBLASLT");
  return value && !std::strcmp(value, what);
}

} // namespace

extern "C" {

int cublaslt_product(void **arguments, const unsigned *) {
  const auto &given = **static_cast<Arguments **>(arguments[0]);
  for (int m = 0; m != given.rows; ++m)
    for (int n = 0; n != given.outputs; ++n) {
      size_t left = size_t(m) * given.depth, right = size_t(n) * given.depth,
             to = size_t(m) * given.outputs + n;
      if (given.isInteger) {
        int sum = 0;
        for (int k = 0; k != given.depth; ++k)
          sum += static_cast<const int8_t *>(given.x)[left + k] *
                 static_cast<const int8_t *>(given.w)[right + k];
        static_cast<int *>(given.y)[to] = sum;
      } else {
        float sum = 0;
        for (int k = 0; k != given.depth; ++k)
          sum += widen(static_cast<const uint16_t *>(given.x)[left + k]) *
                 widen(static_cast<const uint16_t *>(given.w)[right + k]);
        static_cast<uint16_t *>(given.y)[to] = narrow(sum);
      }
    }
  return 0;
}

size_t cublasLtGetVersion() { return 130100; }

const char *cublasLtGetStatusString(cublasStatus_t status) {
  return int(status) == NotSupported ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                     : "CUBLAS_STATUS_INVALID_VALUE";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  *handle = reinterpret_cast<cublasLtHandle_t>(new Handle{magic});
  return result(Success);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *made, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  *made = reinterpret_cast<cublasLtMatmulDesc_t>(new Description{int(compute), int(scale)});
  return result(Success);
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t made) {
  delete reinterpret_cast<Description *>(made);
  return result(Success);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size) {
  auto *to = reinterpret_cast<Description *>(description);
  if (size != 4 || (int(attribute) != TransposeA && int(attribute) != TransposeB))
    return result(InvalidValue);
  std::memcpy(int(attribute) == TransposeA ? &to->transposeA : &to->transposeB, value, size);
  return result(Success);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *made, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading) {
  if (!rows || !columns)
    return result(InvalidValue);
  *made = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{int(type), rows, columns, leading});
  return result(Success);
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t made) {
  delete reinterpret_cast<Layout *>(made);
  return result(Success);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *made) {
  *made = reinterpret_cast<cublasLtMatmulPreference_t>(new Preference);
  return result(Success);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t size) {
  if (int(attribute) != MostWorkspace || size != 8)
    return result(InvalidValue);
  std::memcpy(&reinterpret_cast<Preference *>(preference)->workspace, value, size);
  return result(Success);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t w, cublasLtMatrixLayout_t x,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t y,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t *found, int *count) {
  *count = 0;
  if (reinterpret_cast<Handle *>(handle)->magic != magic || most != 1)
    return result(InvalidValue);
  if (isAsked("refuses") ||
      !fits(*reinterpret_cast<Description *>(description), *reinterpret_cast<Layout *>(w),
            *reinterpret_cast<Layout *>(x), *reinterpret_cast<Layout *>(y)))
    return result(NotSupported);
  *found = {};
  found->algo.data[7] = magic;
  found->workspaceSize = reinterpret_cast<Preference *>(preference)->workspace;
  *count = 1;
  return result(Success);
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t, const void *alpha,
                              const void *w, cublasLtMatrixLayout_t wLayout, const void *x,
                              cublasLtMatrixLayout_t xLayout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t, void *y, cublasLtMatrixLayout_t yLayout,
                              const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t size,
                              cudaStream_t stream) {
  const auto &left = *reinterpret_cast<Layout *>(wLayout);
  const auto &right = *reinterpret_cast<Layout *>(xLayout);
  const auto &to = *reinterpret_cast<Layout *>(yLayout);
  bool isInteger = left.type == Int8;
  float one = 1, zero = 0;
  int whole = 1, none = 0;
  if (std::memcmp(alpha, isInteger ? static_cast<void *>(&whole) : &one, 4) ||
      std::memcmp(beta, isInteger ? static_cast<void *>(&none) : &zero, 4) || c != y || !stream ||
      algorithm->data[7] != magic || !isDevice(w, bytes(left)) || !isDevice(x, bytes(right)) ||
      !isDevice(y, bytes(to)) || !isDevice(workspace, size))
    return result(InvalidValue);
  // The driver keeps the pointers, also in a graph; they live as long as the process.
  auto *arguments =
      new Arguments{w, x, y, int(to.columns), int(to.rows), int(left.rows), isInteger, {}};
  if (isAsked("wrong"))
    --arguments->depth;
  auto *pointer = new Arguments *(arguments);
  arguments->pointers = {pointer};
  LaunchConfig config = {{1, 1, 1}, {32, 1, 1}, 0, stream, nullptr, 0};
  auto launch = driver<int (*)(const LaunchConfig *, void *, void **, void **)>("cuLaunchKernelEx");
  return result(launch(&config, kernel(), arguments->pointers.data(), nullptr) ? InvalidValue
                                                                               : Success);
}

} // extern "C"
