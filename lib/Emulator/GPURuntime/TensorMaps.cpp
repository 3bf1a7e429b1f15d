// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's runtime interface: tensor maps, with the numbers that the CUDA driver gives to types and
// swizzles. The 128 bytes are the emulator's own.

#include "Device.h"
#include "Leave.h"
#include "qllm/Emulator/Runtime/TensorMap.h"

#include <algorithm>
#include <cstring>

using namespace qllm::emu;

namespace {

constexpr uint8_t elementBytesOf[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
constexpr uint8_t swizzleOf[] = {0, 32, 64, 128};

/// `known[index]`, or the end of the process.
template <size_t count>
uint8_t lookUp(const uint8_t (&known)[count], uint32_t index, const char *what) {
  if (index >= count)
    leave(Exit::BadInput, std::string("the emulator has no tensor maps with ") + what + " " +
                              std::to_string(index));
  return known[index];
}

/// From the first to behind the last byte of the tensor.
uint64_t extentOf(const TensorMap &map) {
  uint64_t bytes = map.sizes[0] * map.elementBytes;
  for (unsigned i = 1; i < map.rank; ++i)
    bytes += (map.sizes[i] - 1) * map.strides[i - 1];
  return bytes;
}

void checkMap(const TensorMap &map) {
  if (std::string error = tensorMapError(map); !error.empty())
    leave(Exit::BadInput, "tensor map: " + error);
  DeviceLock device;
  const DeviceMemory::Piece *piece = device->memory.find(map.base);
  if (!piece || extentOf(map) > size_t(piece->data + piece->size - map.base))
    leave(Exit::NotClean, "out-of-bounds in a tensor map: expected device memory of " +
                              std::to_string(extentOf(map)) + " bytes, but got " +
                              (piece ? std::to_string(piece->data + piece->size - map.base) +
                                           " bytes of " + piece->name
                                     : std::string("none")));
}

TensorMap startMap(int64_t rank, uint32_t type, void *base) {
  if (rank < 1 || rank > TensorMap::kMaxRank)
    leave(Exit::BadInput,
          "expected a tensor map of 1 to 5 dimensions, but got " + std::to_string(rank));
  TensorMap map;
  map.rank = uint8_t(rank);
  map.elementBytes = lookUp(elementBytesOf, type, "data type");
  map.base = static_cast<uint8_t *>(base);
  return map;
}

/// A size of a box, or one that is refused as well.
uint16_t boxSize(int64_t size) { return uint16_t(std::clamp<int64_t>(size, 0, UINT16_MAX)); }

/// A ranked memref, as its descriptor has it: outermost dimension first.
TensorMap mapOfMemref(int64_t rank, const int64_t *descriptor, uint32_t type, const int64_t *box) {
  TensorMap map = startMap(rank, type, reinterpret_cast<void *>(descriptor[1]));
  const int64_t *sizes = descriptor + 3, *strides = sizes + rank;
  for (int64_t i = 0; i < rank; ++i) {
    map.sizes[i] = uint64_t(sizes[rank - 1 - i]);
    map.box[i] = boxSize(box[rank - 1 - i]);
    if (i + 1 < rank)
      map.strides[i] = uint64_t(strides[rank - 2 - i]) * map.elementBytes;
  }
  return map;
}

void setModes(TensorMap &map, uint32_t interleave, uint32_t swizzle, uint32_t fill) {
  if (interleave != 0 || fill != 0)
    leave(Exit::BadInput,
          "the emulator has no tensor maps with interleaving, or with NaNs outside");
  map.swizzle = lookUp(swizzleOf, swizzle, "swizzle");
  checkMap(map);
}

} // namespace

extern "C" {

void mgpuTensorMapEncodeTiled(void *result, uint32_t type, uint32_t rank, void *address,
                              const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                              const uint32_t *steps, uint32_t interleave, uint32_t swizzle,
                              uint32_t /*promotion*/, uint32_t fill) {
  TensorMap map = startMap(rank, type, address);
  for (uint32_t i = 0; i < rank; ++i) {
    map.sizes[i] = sizes[i];
    map.box[i] = boxSize(box[i]);
    map.steps[i] = uint8_t(std::min<uint32_t>(steps[i], UINT8_MAX));
    if (i + 1 < rank)
      map.strides[i] = strides[i];
  }
  setModes(map, interleave, swizzle, fill);
  std::memcpy(result, &map, sizeof map);
}

/// Here the map lies in device memory, which nobody frees, as in MLIR's own wrappers.
void *mgpuTensorMapEncodeTiledMemref(int64_t rank, const int64_t *descriptor, uint32_t type,
                                     uint32_t interleave, uint32_t swizzle, uint32_t /*promotion*/,
                                     uint32_t fill, const int64_t *box) {
  TensorMap map = mapOfMemref(rank, descriptor, type, box);
  setModes(map, interleave, swizzle, fill);
  uint8_t *copy = DeviceLock()->memory.allocate(sizeof map);
  if (!copy)
    leave(Exit::BadInput, "no device memory for a tensor map");
  std::memcpy(copy, &map, sizeof map);
  return copy;
}

} // extern "C"
