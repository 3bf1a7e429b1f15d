// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Zip archives of .npy files, with the 64-bit extension that NumPy always writes.

#include "qllm/Support/OutputFile.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/Endian.h"

using namespace qllm;
using namespace llvm::support;

namespace {

constexpr uint32_t localSignature = 0x04034b50, centralSignature = 0x02014b50,
                   endSignature = 0x06054b50;
constexpr uint32_t end64Signature = 0x06064b50, locator64Signature = 0x07064b50;
constexpr size_t localSize = 30, centralSize = 46, endSize = 22, end64Size = 56, locator64Size = 20;

llvm::Error malformed(const llvm::Twine &what) {
  return llvm::createStringError("malformed .npz archive: " + what);
}

/// Reads that stay inside the file.
struct Reader {
  llvm::ArrayRef<char> bytes;
  bool holds(uint64_t offset, uint64_t size) const {
    return offset <= bytes.size() && size <= bytes.size() - offset;
  }
  uint16_t u16(uint64_t offset) const { return endian::read16le(bytes.data() + offset); }
  uint32_t u32(uint64_t offset) const { return endian::read32le(bytes.data() + offset); }
  uint64_t u64(uint64_t offset) const { return endian::read64le(bytes.data() + offset); }
};

struct Directory {
  uint64_t offset = 0, entries = 0;
};

llvm::Expected<Directory> findDirectory(const Reader &file) {
  // The end record is last, but for a comment of at most 64 KiB.
  if (file.bytes.size() < endSize)
    return malformed("expected at least " + llvm::Twine(endSize) + " bytes, but got " +
                     llvm::Twine(file.bytes.size()));
  uint64_t last = file.bytes.size() - endSize;
  for (uint64_t back = 0; back <= std::min<uint64_t>(last, 65535); ++back) {
    uint64_t at = last - back;
    if (file.u32(at) != endSignature)
      continue;
    Directory directory{file.u32(at + 16), file.u16(at + 10)};
    bool wide = directory.offset == UINT32_MAX || directory.entries == UINT16_MAX;
    if (!wide)
      return directory;
    if (at < locator64Size || file.u32(at - locator64Size) != locator64Signature)
      return malformed("expected the 64-bit end record");
    uint64_t end64 = file.u64(at - locator64Size + 8);
    if (!file.holds(end64, end64Size) || file.u32(end64) != end64Signature)
      return malformed("the 64-bit end record lies outside the file");
    return Directory{file.u64(end64 + 48), file.u64(end64 + 32)};
  }
  return malformed("expected a central directory at the end");
}

/// Sizes and the offset that do not fit 32 bits are in an extra field, in this order and only
/// those.
struct Entry {
  uint64_t stored, size, offset;
};

void readExtra(const Reader &file, uint64_t at, uint64_t length, Entry &entry) {
  for (uint64_t end = at + length; at + 4 <= end; at += 4 + file.u16(at + 2)) {
    if (file.u16(at) != 1)
      continue;
    uint64_t field = at + 4, fieldEnd = std::min<uint64_t>(end, field + file.u16(at + 2));
    for (uint64_t *value : {&entry.size, &entry.stored, &entry.offset})
      if (*value == UINT32_MAX && field + 8 <= fieldEnd) {
        *value = file.u64(field);
        field += 8;
      }
  }
}

llvm::Expected<llvm::ArrayRef<char>> memberData(const Reader &file, const Entry &entry) {
  if (!file.holds(entry.offset, localSize) || file.u32(entry.offset) != localSignature)
    return malformed("a member lies outside the file");
  uint64_t start =
      entry.offset + localSize + file.u16(entry.offset + 26) + file.u16(entry.offset + 28);
  if (!file.holds(start, entry.size))
    return malformed("a member is longer than the file");
  return file.bytes.slice(start, entry.size);
}

void put(std::string &to, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i, value >>= 8)
    to += char(value);
}

/// The part that local and central headers share.
void putCommon(std::string &to, uint32_t crc, uint64_t size, size_t nameSize, unsigned extraSize) {
  put(to, 45, 2);         // version needed: 64-bit sizes
  put(to, 0, 2);          // flags
  put(to, 0, 2);          // stored
  put(to, 0x00210000, 4); // 1 January 1980: the same bytes for the same arrays
  put(to, crc, 4);
  put(to, UINT32_MAX, 4);
  put(to, UINT32_MAX, 4);
  put(to, nameSize, 2);
  put(to, extraSize, 2);
}

} // namespace

llvm::Expected<std::vector<ArchiveMember>> qllm::readArchive(llvm::ArrayRef<char> bytes) {
  Reader file{bytes};
  llvm::Expected<Directory> directory = findDirectory(file);
  if (!directory)
    return directory.takeError();
  std::vector<ArchiveMember> members;
  uint64_t at = directory->offset;
  for (uint64_t i = 0; i < directory->entries; ++i) {
    if (!file.holds(at, centralSize) || file.u32(at) != centralSignature)
      return malformed("the central directory lies outside the file");
    uint64_t nameSize = file.u16(at + 28), extraSize = file.u16(at + 30),
             commentSize = file.u16(at + 32);
    if (!file.holds(at + centralSize, nameSize + extraSize + commentSize))
      return malformed("the central directory is longer than the file");
    llvm::StringRef name(bytes.data() + at + centralSize, nameSize);
    if (file.u16(at + 10) != 0)
      return malformed("member '" + name + "' is compressed; write the archive with numpy.savez");
    Entry entry{file.u32(at + 20), file.u32(at + 24), file.u32(at + 42)};
    readExtra(file, at + centralSize + nameSize, extraSize, entry);
    llvm::Expected<llvm::ArrayRef<char>> data = memberData(file, entry);
    if (!data)
      return data.takeError();
    name.consume_back(".npy");
    members.push_back({name.str(), *data});
    at += centralSize + nameSize + extraSize + commentSize;
  }
  return members;
}

llvm::Error qllm::writeArchive(llvm::StringRef path,
                               llvm::ArrayRef<std::pair<std::string, Tensor>> arrays) {
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  std::string central;
  uint64_t offset = 0;
  for (const auto &[name, tensor] : arrays) {
    std::vector<char> data = formatNumpyArray(tensor);
    uint32_t crc =
        llvm::crc32(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(data.data()), data.size()));
    std::string member = name + ".npy", local;
    put(local, localSignature, 4);
    putCommon(local, crc, data.size(), member.size(), 20);
    local += member;
    put(local, 1, 2);
    put(local, 16, 2);
    put(local, data.size(), 8);
    put(local, data.size(), 8);
    if (llvm::Error error = (*file)->write(local))
      return error;
    if (llvm::Error error = (*file)->write(data))
      return error;
    put(central, centralSignature, 4);
    put(central, 45, 2);
    putCommon(central, crc, data.size(), member.size(), 28);
    put(central, 0, 2 + 2 + 2 + 4); // comment, disk, attributes
    put(central, UINT32_MAX, 4);
    central += member;
    put(central, 1, 2);
    put(central, 24, 2);
    put(central, data.size(), 8);
    put(central, data.size(), 8);
    put(central, offset, 8);
    offset += local.size() + data.size();
  }
  uint64_t end64 = offset + central.size();
  put(central, end64Signature, 4);
  put(central, end64Size - 12, 8);
  put(central, 45, 2);
  put(central, 45, 2);
  put(central, 0, 8);
  put(central, arrays.size(), 8);
  put(central, arrays.size(), 8);
  put(central, end64 - offset, 8);
  put(central, offset, 8);
  put(central, locator64Signature, 4);
  put(central, 0, 4);
  put(central, end64, 8);
  put(central, 1, 4);
  put(central, endSignature, 4);
  put(central, 0, 4);
  put(central, UINT16_MAX, 2);
  put(central, UINT16_MAX, 2);
  put(central, UINT32_MAX, 4);
  put(central, UINT32_MAX, 4);
  put(central, 0, 2);
  if (llvm::Error error = (*file)->write(central))
    return error;
  return (*file)->commit();
}
