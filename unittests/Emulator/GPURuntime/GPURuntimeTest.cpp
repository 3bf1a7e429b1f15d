// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls as lowered host code makes them; what is wrong with one ends the process.

#include "gtest/gtest.h"
#include <array>
#include <cstdint>
#include <numeric>

extern "C" {
void *mgpuMemAlloc(uint64_t size, void *stream, bool isHostShared);
void mgpuMemFree(void *address, void *stream);
void mgpuMemcpy(void *destination, void *source, size_t size, void *stream);
void mgpuMemset16(void *destination, unsigned short value, size_t count, void *stream);
void mgpuMemset32(void *destination, unsigned value, size_t count, void *stream);
void mgpuMemHostRegister(void *address, uint64_t size);
void mgpuMemHostUnregister(void *address);
void mgpuMemHostRegisterMemRef(int64_t rank, const void *descriptor, int64_t elementBytes);
void mgpuMemHostUnregisterMemRef(int64_t rank, const void *descriptor, int64_t elementBytes);
void *mgpuModuleLoad(void *data, size_t size);
void *mgpuModuleLoadJIT(void *data, int level);
void *mgpuModuleGetFunction(void *module, const char *name);
void mgpuModuleUnload(void *module);
void *mgpuStreamCreate();
void mgpuStreamDestroy(void *stream);
void mgpuStreamSynchronize(void *stream);
void mgpuStreamWaitEvent(void *stream, void *event);
void *mgpuEventCreate();
void mgpuEventDestroy(void *event);
void mgpuEventRecord(void *event, void *stream);
void mgpuEventSynchronize(void *event);
void mgpuSetDefaultDevice(int32_t device);
void mgpuTensorMapEncodeTiled(void *result, uint32_t type, uint32_t rank, void *address,
                              const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                              const uint32_t *steps, uint32_t interleave, uint32_t swizzle,
                              uint32_t promotion, uint32_t fill);
void *mgpuTensorMapEncodeTiledMemref(int64_t rank, const void *descriptor, uint32_t type,
                                     uint32_t interleave, uint32_t swizzle, uint32_t promotion,
                                     uint32_t fill, const int64_t *box);
}

namespace {

const testing::ExitedWithCode badInput(1), notClean(3);

struct Descriptor {
  void *allocated, *aligned;
  int64_t offset;
  std::array<int64_t, 2> sizes, strides;
};

uint8_t *allocate(size_t size) {
  return static_cast<uint8_t *>(mgpuMemAlloc(size, nullptr, false));
}

TEST(GPURuntime, CopiesBothWays) {
  std::array<uint8_t, 100> given, found{};
  std::iota(given.begin(), given.end(), uint8_t(1));
  uint8_t *memory = allocate(100), *other = allocate(100);
  mgpuMemcpy(memory, given.data(), 100, nullptr);
  mgpuMemcpy(other, memory + 10, 90, nullptr);
  mgpuMemcpy(found.data(), other, 90, nullptr);
  EXPECT_TRUE(std::equal(found.begin(), found.begin() + 90, given.begin() + 10));
  mgpuMemFree(memory, nullptr);
  mgpuMemFree(other, nullptr);
}

TEST(GPURuntime, MemoryHasAPatternAndDistance) {
  uint8_t *memory = allocate(10), *other = allocate(10);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 256, 0u);
  EXPECT_EQ(memory[0], 0xee);
  EXPECT_EQ(memory[9], 0xee);
  EXPECT_GE(std::abs(memory - other), 1 << 20);
  EXPECT_EQ(allocate(0), nullptr);
  mgpuMemFree(nullptr, nullptr);
  EXPECT_EXIT(allocate(size_t(1) << 60), badInput,
              "no device memory for 1152921504606846976 bytes");
}

TEST(GPURuntime, CopiesStayInside) {
  std::array<uint8_t, 100> host{};
  uint8_t *memory = allocate(100);
  EXPECT_EXIT(mgpuMemcpy(memory + 1, host.data(), 100, nullptr), notClean,
              "out-of-bounds in a copy: 100 bytes at allocation [0-9]+\\+1 of 100 bytes");
  EXPECT_EXIT(mgpuMemcpy(host.data(), memory + 99, 2, nullptr), notClean,
              "out-of-bounds in a copy: 2 bytes at allocation [0-9]+\\+99 of 100 bytes");
  mgpuMemFree(memory, nullptr);
  EXPECT_EXIT(mgpuMemcpy(host.data(), memory, 2, nullptr), notClean,
              "neither side is device memory");
  EXPECT_EXIT(mgpuMemFree(memory, nullptr), badInput, "never allocated or is freed");
}

TEST(GPURuntime, Memsets) {
  uint8_t *memory = allocate(12);
  mgpuMemset32(memory, 0x04030201, 3, nullptr);
  mgpuMemset16(memory + 2, 0x0605, 2, nullptr);
  EXPECT_EQ(std::vector<uint8_t>(memory, memory + 12),
            std::vector<uint8_t>({1, 2, 5, 6, 5, 6, 3, 4, 1, 2, 3, 4}));
  mgpuMemset32(nullptr, 0, 0, nullptr);
  EXPECT_EXIT(mgpuMemset32(memory, 0, 4, nullptr), notClean,
              "out-of-bounds in a memset: 16 bytes at .*\\+0 of 12 bytes");
  EXPECT_EXIT(mgpuMemset16(memory, 0, SIZE_MAX, nullptr), notClean, "out-of-bounds in a memset");
  uint8_t host[4];
  EXPECT_EXIT(mgpuMemset16(host, 0, 1, nullptr), notClean, "expected device memory");
}

TEST(GPURuntime, HostMemoryIsRegisteredOnce) {
  std::array<float, 12> host{};
  Descriptor matrix{host.data(), host.data(), 0, {3, 4}, {4, 1}};
  mgpuMemHostRegisterMemRef(2, &matrix, 4);
  EXPECT_EXIT(mgpuMemHostRegister(&host[11], 4), badInput, "not registered yet");
  EXPECT_EXIT(mgpuMemcpy(&host[11], host.data(), 8, nullptr), notClean,
              "8 bytes at host memory 0\\+44 of 48 bytes");
  EXPECT_EXIT(mgpuMemFree(host.data(), nullptr), badInput, "never allocated");
  mgpuMemHostUnregisterMemRef(2, &matrix, 4);
  EXPECT_EXIT(mgpuMemHostUnregister(host.data()), badInput,
              "expected host memory that is registered");
  Descriptor gaps{host.data(), host.data(), 0, {3, 3}, {4, 1}};
  EXPECT_EXIT(mgpuMemHostRegisterMemRef(2, &gaps, 4), badInput,
              "without gaps to register, but got stride 4 in dimension 0");
  Descriptor row{host.data(), host.data(), 4, {1, 4}, {99, 1}};
  mgpuMemHostRegisterMemRef(2, &row, 4);
  mgpuMemHostUnregister(&host[4]);
}

TEST(GPURuntime, StreamsAndEventsEnd) {
  void *stream = mgpuStreamCreate(), *event = mgpuEventCreate();
  mgpuEventRecord(event, stream);
  mgpuStreamWaitEvent(stream, event);
  mgpuEventSynchronize(event);
  mgpuStreamSynchronize(stream);
  mgpuEventDestroy(event);
  mgpuStreamDestroy(stream);
  EXPECT_EXIT(mgpuStreamSynchronize(stream), badInput, "expected a stream, but got one");
  EXPECT_EXIT(mgpuMemAlloc(1, stream, false), badInput, "expected a stream, but got one");
  EXPECT_EXIT(mgpuStreamDestroy(stream), badInput, "expected a stream to destroy");
  EXPECT_EXIT(mgpuEventDestroy(event), badInput, "expected an event to destroy");
  EXPECT_EXIT(mgpuEventRecord(event, nullptr), badInput, "expected an event, but got one");
  mgpuSetDefaultDevice(0);
  EXPECT_EXIT(mgpuSetDefaultDevice(1), badInput, "expected device 0, the only one, but got 1");
}

TEST(GPURuntime, ModulesAreOurs) {
  char text[] = ".version 8.0";
  EXPECT_EXIT(
      mgpuModuleLoad(text, sizeof text), badInput,
      "expected a binary that qllm-embed-for-emulator has made, but got 13 bytes of another kind");
  char broken[] = "ML\xefR and more";
  EXPECT_EXIT(mgpuModuleLoad(broken, sizeof broken), badInput,
              "a binary of kernels cannot be read");
  EXPECT_EXIT(mgpuModuleLoadJIT(text, 2), badInput, "PTX is for a driver");
  EXPECT_EXIT(mgpuModuleGetFunction(text, "sum"), badInput,
              "expected a loaded module to take kernel 'sum' from");
  EXPECT_EXIT(mgpuModuleUnload(text), badInput, "expected a loaded module to unload");
}

/// A map of 5 rows of 48 bytes.
struct MapArguments {
  std::array<uint64_t, 2> sizes{48, 5};
  uint64_t stride = 48;
  std::array<uint32_t, 2> box{32, 2}, steps{1, 1};
  uint32_t type = 0, rank = 2, interleave = 0, swizzle = 1, fill = 0;
  alignas(64) std::array<uint8_t, 128> result;

  void encode(uint8_t *memory) {
    mgpuTensorMapEncodeTiled(result.data(), type, rank, memory, sizes.data(), &stride, box.data(),
                             steps.data(), interleave, swizzle, 0, fill);
  }
};

TEST(GPURuntime, TensorMapsOfEitherForm) {
  uint8_t *memory = allocate(240);
  MapArguments map;
  map.encode(memory);
  Descriptor matrix{memory, memory, 0, {5, 48}, {48, 1}};
  int64_t box[] = {2, 32};
  void *copy = mgpuTensorMapEncodeTiledMemref(2, &matrix, 0, 0, 1, 0, 0, box);
  EXPECT_TRUE(std::equal(map.result.begin(), map.result.end(), static_cast<uint8_t *>(copy)));
}

TEST(GPURuntime, TensorMapsThatAreRefused) {
  uint8_t *memory = allocate(240);
  auto with = [](auto change) {
    MapArguments map;
    change(map);
    return map;
  };
  EXPECT_EXIT(with([](MapArguments &map) { map.sizes[1] = 6; }).encode(memory), notClean,
              "out-of-bounds in a tensor map: expected device memory of 288 bytes, but got 240 "
              "bytes of allocation");
  uint8_t host[240];
  EXPECT_EXIT(MapArguments().encode(host), notClean,
              "expected device memory of 240 bytes, but got none");
  EXPECT_EXIT(with([](MapArguments &map) { map.stride = 24; }).encode(memory), badInput,
              "tensor map: expected a stride");
  EXPECT_EXIT(with([](MapArguments &map) { map.box[0] = 1u << 16; }).encode(memory), badInput,
              "tensor map: expected a box");
  EXPECT_EXIT(with([](MapArguments &map) { map.rank = 6; }).encode(memory), badInput,
              "1 to 5 dimensions, but got 6");
  EXPECT_EXIT(with([](MapArguments &map) { map.type = 13; }).encode(memory), badInput,
              "no tensor maps with data type 13");
  EXPECT_EXIT(with([](MapArguments &map) { map.swizzle = 4; }).encode(memory), badInput,
              "no tensor maps with swizzle 4");
  EXPECT_EXIT(with([](MapArguments &map) { map.interleave = 1; }).encode(memory), badInput,
              "with interleaving");
  EXPECT_EXIT(with([](MapArguments &map) { map.fill = 1; }).encode(memory), badInput,
              "NaNs outside");
}

} // namespace
