// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of the CUDA driver that the benchmark calls, on the CPU. A "cubin" is a shared
// library whose functions take the pointers of the arguments. What a card would refuse is refused;
// launches and tensor maps are written to the file that QLLM_FAKE_CUDA_LOG names; with
// QLLM_FAKE_CUDA_HANGS no launch ends. With the real cuda.h in the place of the types below
// (-DQLLM_CUDA_H) the compiler compares the signatures.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#ifdef QLLM_CUDA_H
#include <cuda.h>
#else
using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;
using CUdevice_attribute = int;
using CUfunction_attribute = int;
using CUstreamCaptureMode = int;
using CUtensorMapDataType = int;
using CUtensorMapInterleave = int;
using CUtensorMapSwizzle = int;
using CUtensorMapL2promotion = int;
using CUtensorMapFloatOOBfill = int;
using cuuint32_t = unsigned;
using cuuint64_t = uint64_t;
struct CUtensorMap {
  uint64_t opaque[16];
};
struct CUlaunchAttribute {
  int id;
  char pad[4];
  union {
    char pad[64];
    struct {
      unsigned x, y, z;
    } clusterDim;
  } value;
};
struct CUlaunchConfig {
  unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
  CUstream hStream;
  CUlaunchAttribute *attrs;
  unsigned numAttrs;
};
#define cuMemAlloc cuMemAlloc_v2
#define cuMemFree cuMemFree_v2
#define cuMemcpyHtoD cuMemcpyHtoD_v2
#define cuMemcpyDtoH cuMemcpyDtoH_v2
#define cuMemcpyDtoD cuMemcpyDtoD_v2
#define cuMemsetD8 cuMemsetD8_v2
#define cuEventDestroy cuEventDestroy_v2
#define cuStreamBeginCapture cuStreamBeginCapture_v2
#endif

namespace {

enum Status { Success = 0, InvalidValue = 1, InvalidImage = 200, NotFound = 500, BadAddress = 700 };
constexpr unsigned mostShared = 227 * 1024, defaultShared = 48 * 1024, clusterDimension = 4;

using KernelCode = int (*)(void **arguments, const unsigned *grid);
struct Function {
  std::string name;
  KernelCode code;
  unsigned shared = defaultShared;
};
struct Launch {
  KernelCode code;
  std::vector<unsigned> grid;
  void **arguments;
};
using Launches = std::vector<Launch>;
using Time = std::chrono::steady_clock::time_point;

std::map<uintptr_t, size_t> memory;
Launches *recording = nullptr;

CUresult result(Status status) { return CUresult(status); }

FILE *log() {
  static FILE *file =
      getenv("QLLM_FAKE_CUDA_LOG") ? fopen(getenv("QLLM_FAKE_CUDA_LOG"), "w") : nullptr;
  return file;
}

/// Whether bytes lie in one allocation.
bool isDevice(CUdeviceptr address, size_t size) {
  auto next = memory.upper_bound(uintptr_t(address));
  if (next == memory.begin())
    return false;
  auto [start, length] = *std::prev(next);
  return address + size <= start + length;
}

void *host(CUdeviceptr address) { return reinterpret_cast<void *>(uintptr_t(address)); }

/// Bytes of an ELF file, whose table of sections comes last.
size_t imageSize(const void *image) {
  const auto *header = static_cast<const Elf64_Ehdr *>(image);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return 0;
  return header->e_shoff + size_t(header->e_shnum) * header->e_shentsize;
}

} // namespace

extern "C" {

CUresult cuInit(unsigned flags) { return result(flags ? InvalidValue : Success); }

CUresult cuGetErrorString(CUresult error, const char **text) {
  *text = int(error) == InvalidImage ? "device kernel image is invalid"
          : int(error) == NotFound   ? "named symbol not found"
          : int(error) == BadAddress ? "an illegal memory access was encountered"
                                     : "invalid argument";
  return result(Success);
}

CUresult cuDriverGetVersion(int *version) {
  *version = 13010;
  return result(Success);
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = ordinal;
  return result(ordinal ? InvalidValue : Success);
}

CUresult cuDeviceGetName(char *name, int length, CUdevice) {
  snprintf(name, size_t(length), "NVIDIA H200 (fake)");
  return result(Success);
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice) {
  static const std::map<int, int> values = {{16, 132}, {38, 4096}, {75, 9}, {76, 0}};
  auto found = values.find(int(attribute));
  if (found == values.end())
    return result(InvalidValue);
  *value = found->second;
  return result(Success);
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
  *context = reinterpret_cast<CUcontext>(&memory);
  return result(Success);
}

CUresult cuCtxSetCurrent(CUcontext context) { return result(context ? Success : InvalidValue); }

CUresult cuStreamCreate(CUstream *stream, unsigned) {
  *stream = reinterpret_cast<CUstream>(&memory);
  return result(Success);
}

CUresult cuStreamSynchronize(CUstream stream) {
  if (getenv("QLLM_FAKE_CUDA_HANGS"))
    pause();
  return result(stream ? Success : InvalidValue);
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  size_t size = imageSize(image);
  if (!size)
    return result(InvalidImage);
  int file = memfd_create("cubin", 0);
  bool isWritten = write(file, image, size) == ssize_t(size);
  std::string path = "/proc/self/fd/" + std::to_string(file);
  *module = static_cast<CUmodule>(isWritten ? dlopen(path.c_str(), RTLD_NOW) : nullptr);
  return result(*module ? Success : InvalidImage);
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  auto code = reinterpret_cast<KernelCode>(dlsym(module, name));
  if (!code)
    return result(NotFound);
  *function = reinterpret_cast<CUfunction>(new Function{name, code});
  return result(Success);
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  if (int(attribute) != 8 || unsigned(value) > mostShared)
    return result(InvalidValue);
  reinterpret_cast<Function *>(function)->shared = unsigned(value);
  return result(Success);
}

CUresult cuMemAlloc(CUdeviceptr *address, size_t size) {
  void *bytes = aligned_alloc(256, (size + 255) / 256 * 256);
  if (!size || !bytes)
    return result(InvalidValue);
  memory[uintptr_t(bytes)] = size;
  *address = uintptr_t(bytes);
  return result(Success);
}

CUresult cuMemFree(CUdeviceptr address) {
  if (!memory.erase(uintptr_t(address)))
    return result(InvalidValue);
  free(host(address));
  return result(Success);
}

CUresult cuMemsetD8(CUdeviceptr address, unsigned char value, size_t size) {
  if (!isDevice(address, size))
    return result(InvalidValue);
  std::memset(host(address), value, size);
  return result(Success);
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t size) {
  if (!isDevice(to, size))
    return result(InvalidValue);
  std::memcpy(host(to), from, size);
  return result(Success);
}

CUresult cuMemcpyDtoH(void *to, CUdeviceptr from, size_t size) {
  if (!isDevice(from, size))
    return result(InvalidValue);
  std::memcpy(to, host(from), size);
  return result(Success);
}

CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t size) {
  return isDevice(from, size) ? cuMemcpyHtoD(to, host(from), size) : result(InvalidValue);
}

CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank,
                                void *address, const cuuint64_t *sizes, const cuuint64_t *strides,
                                const cuuint32_t *box, const cuuint32_t *steps,
                                CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
                                CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  if (uintptr_t(map) % 64 || int(type) || rank != 2 || uintptr_t(address) % 16 || strides[0] % 16 ||
      box[0] > 256 || box[1] > 256 || steps[0] != 1 || steps[1] != 1 || int(interleave) ||
      !isDevice(uintptr_t(address), sizes[1] * strides[0]))
    return result(InvalidValue);
  map->opaque[0] = uintptr_t(address);
  if (log())
    fprintf(log(), "map of %dx%d bytes, boxes of %ux%u, swizzle %d\n", int(sizes[1]), int(sizes[0]),
            box[1], box[0], int(swizzle));
  return result(Success);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction handle, void **arguments,
                          void **) {
  auto *function = reinterpret_cast<Function *>(handle);
  unsigned cluster = 1, columns = 1;
  for (unsigned i = 0; i != config->numAttrs; ++i)
    if (unsigned(config->attrs[i].id) == clusterDimension) {
      cluster = config->attrs[i].value.clusterDim.x;
      columns = config->attrs[i].value.clusterDim.y;
    }
  if (config->sharedMemBytes > function->shared || !cluster || config->gridDimX % cluster ||
      !columns || config->gridDimY % columns || config->blockDimX > 1024 || !config->hStream)
    return result(InvalidValue);
  if (log())
    fprintf(log(), "%s: grid %ux%ux%u, block %ux%ux%u, shared %u, cluster %ux%u%s\n",
            function->name.c_str(), config->gridDimX, config->gridDimY, config->gridDimZ,
            config->blockDimX, config->blockDimY, config->blockDimZ, config->sharedMemBytes,
            cluster, columns, recording ? ", recorded" : "");
  Launch launch{function->code, {config->gridDimX, config->gridDimY, config->gridDimZ}, arguments};
  if (recording) {
    recording->push_back(launch);
    return result(Success);
  }
  return result(launch.code(arguments, launch.grid.data()) ? BadAddress : Success);
}

CUresult cuStreamBeginCapture(CUstream, CUstreamCaptureMode mode) {
  if (recording || int(mode) != 2)
    return result(InvalidValue);
  recording = new Launches;
  return result(Success);
}

CUresult cuStreamEndCapture(CUstream, CUgraph *graph) {
  *graph = reinterpret_cast<CUgraph>(recording);
  recording = nullptr;
  return result(*graph ? Success : InvalidValue);
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *ready, CUgraph graph, unsigned long long) {
  *ready = reinterpret_cast<CUgraphExec>(new Launches(*reinterpret_cast<Launches *>(graph)));
  return result(Success);
}

CUresult cuGraphDestroy(CUgraph graph) {
  delete reinterpret_cast<Launches *>(graph);
  return result(Success);
}

CUresult cuGraphExecDestroy(CUgraphExec ready) {
  delete reinterpret_cast<Launches *>(ready);
  return result(Success);
}

CUresult cuGraphLaunch(CUgraphExec ready, CUstream) {
  for (Launch &launch : *reinterpret_cast<Launches *>(ready))
    if (launch.code(launch.arguments, launch.grid.data()))
      return result(BadAddress);
  return result(Success);
}

CUresult cuEventCreate(CUevent *event, unsigned) {
  *event = reinterpret_cast<CUevent>(new Time);
  return result(Success);
}

CUresult cuEventRecord(CUevent event, CUstream) {
  *reinterpret_cast<Time *>(event) = std::chrono::steady_clock::now();
  return result(Success);
}

CUresult cuEventSynchronize(CUevent event) { return result(event ? Success : InvalidValue); }

// Not the newer cuEventElapsedTime_v2, which old drivers do not have.
#undef cuEventElapsedTime
CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  std::chrono::duration<float, std::milli> between =
      *reinterpret_cast<Time *>(end) - *reinterpret_cast<Time *>(start);
  *milliseconds = between.count();
  return result(Success);
}

CUresult cuEventDestroy(CUevent event) {
  delete reinterpret_cast<Time *>(event);
  return result(Success);
}

} // extern "C"
