// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A record is [magic, size of key, size of bytes, checksum of both sizes, key and bytes], key,
// bytes. The first one has the identity and no bytes.

#include "qllm/Support/JournalDirectory.h"

#include "qllm/Support/DataDirectory.h"
#include "qllm/Support/OutputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace qllm;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

constexpr uint64_t magic = 0x316c6e726a6d6c71; // "qlmjrnl1"

struct Header {
  uint64_t start = magic, keySize = 0, size = 0, checksum = 0;
};

uint64_t hashOf(ArrayRef<char> bytes) {
  return llvm::xxh3_64bits(
      ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
}

uint64_t checksumOf(StringRef key, ArrayRef<char> bytes) {
  uint64_t parts[] = {key.size(), bytes.size(), hashOf(ArrayRef(key.data(), key.size())),
                      hashOf(bytes)};
  return hashOf({reinterpret_cast<const char *>(parts), sizeof(parts)});
}

struct Record {
  StringRef key;
  ArrayRef<char> bytes;
  uint64_t length;
};

/// The record at the front; nothing where it is torn.
std::optional<Record> readRecord(ArrayRef<char> data) {
  Header header;
  if (data.size() < sizeof(header))
    return std::nullopt;
  std::memcpy(&header, data.data(), sizeof(header));
  data = data.drop_front(sizeof(header));
  if (header.start != magic || header.keySize > data.size() ||
      header.size > data.size() - header.keySize)
    return std::nullopt;
  Record record{{data.data(), size_t(header.keySize)},
                data.slice(header.keySize, header.size),
                sizeof(header) + header.keySize + header.size};
  if (checksumOf(record.key, record.bytes) != header.checksum)
    return std::nullopt;
  return record;
}

std::string recordHeader(StringRef key, ArrayRef<char> bytes) {
  Header header;
  header.keySize = key.size();
  header.size = bytes.size();
  header.checksum = checksumOf(key, bytes);
  return std::string(reinterpret_cast<const char *>(&header), sizeof(header)) + key.str();
}

/// Labels of the lines that differ.
std::vector<std::string> differences(StringRef before, StringRef now) {
  llvm::SmallVector<StringRef> left, right;
  before.split(left, '\n');
  now.split(right, '\n');
  std::vector<std::string> labels;
  for (StringRef line : right)
    if (!line.empty() && !llvm::is_contained(left, line))
      if (std::string label = line.split(':').first.str(); !llvm::is_contained(labels, label))
        labels.push_back(label);
  if (labels.empty())
    labels.push_back("options"); // lines were only taken away
  return labels;
}

} // namespace

Journal::~Journal() = default;

std::string Journal::section(StringRef pass) {
  return std::to_string(sections++) + " " + pass.str() + " ";
}

struct JournalDirectory::Found {
  std::shared_ptr<MappedFile> log, latest;
  llvm::StringMap<ArrayRef<char>> records;
  std::optional<Record> last;
};

JournalDirectory::JournalDirectory(int fd, std::string path)
    : fd(fd), path(std::move(path)), found(std::make_unique<Found>()) {}

JournalDirectory::~JournalDirectory() {
  if (fd >= 0 && isLocked && isEmpty())
    llvm::consumeError(remove());
  if (fd >= 0)
    close(fd);
}

Error JournalDirectory::failed(StringRef name, const char *what, int error) const {
  return llvm::createStringError(llvm::formatv("'{0}': cannot {1} the journal: {2}", file(name),
                                               what, StringRef(llvm::sys::StrError(error)).lower())
                                     .str());
}

Expected<std::unique_ptr<JournalDirectory>> JournalDirectory::open(StringRef path,
                                                                   StringRef identity) {
  if (std::error_code code = llvm::sys::fs::create_directories(path))
    return llvm::createStringError("'" + path + "': cannot create the journal: " +
                                   StringRef(code.message()).lower());
  std::string log = (path + "/log").str();
  int fd = ::open(log.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  std::unique_ptr<JournalDirectory> journal(new JournalDirectory(fd, path.str()));
  if (fd < 0)
    return journal->failed("log", "open", errno);
  struct stat status = {};
  int error = flock(fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
  // A run that has just come to its end takes the file away and its lock with it.
  bool isGone = error == 0 && fstat(fd, &status) == 0 && status.st_nlink == 0;
  if (error != 0 || isGone)
    close(std::exchange(journal->fd, -1)); // the other run's: it is left alone
  if (error == EWOULDBLOCK || isGone)
    return llvm::createStringError("'" + path +
                                   "': another run is writing this result; wait for it, or name "
                                   "another directory");
  if (error != 0)
    return journal->failed("log", "lock", error);
  journal->identity = identity.str();
  if (Error error = journal->recover(identity))
    return std::move(error);
  return std::move(journal);
}

/// An empty log with an identity, and no latest entry.
Error JournalDirectory::start(StringRef identity) {
  *found = Found();
  end = 0;
  hasRecords = false;
  if (unlink(file("latest").c_str()) != 0 && errno != ENOENT)
    return failed("latest", "remove", errno);
  if (Error error = append(identity, {}))
    return error;
  hasRecords = false;
  if (Error error = syncDirectory(path))
    return error;
  return syncDirectory(llvm::sys::path::parent_path(path));
}

Error JournalDirectory::recover(StringRef identity) {
  Expected<std::shared_ptr<MappedFile>> log = MappedFile::open(file("log"));
  if (!log)
    return log.takeError();
  ArrayRef<char> bytes = (*log)->bytes();
  std::optional<Record> first = readRecord(bytes);
  if (!first)
    return start(identity);
  if (first->key != identity) {
    changed = differences(first->key, identity);
    return start(identity);
  }
  found->log = *log;
  end = first->length;
  while (std::optional<Record> record = readRecord(bytes.drop_front(end))) {
    found->records[record->key] = record->bytes;
    end += record->length;
  }
  hasRecords = !found->records.empty();
  // Not cut off yet: the torn tail is overwritten, and what is left of it ends no record.
  if (!llvm::sys::fs::exists(file("latest")))
    return Error::success();
  Expected<std::shared_ptr<MappedFile>> latest = MappedFile::open(file("latest"));
  if (!latest)
    return latest.takeError();
  found->latest = *latest;
  found->last = readRecord((*latest)->bytes());
  return Error::success();
}

Error JournalDirectory::append(StringRef key, ArrayRef<char> bytes) {
  // Behind a record that a crash has torn, or that a full disk has kept from its end.
  if (ftruncate(fd, off_t(end)) != 0)
    return failed("log", "write", errno);
  std::string header = recordHeader(key, bytes);
  uint64_t position = end;
  for (ArrayRef<char> part : {ArrayRef(header.data(), header.size()), bytes})
    while (!part.empty()) {
      ssize_t count = pwrite(fd, part.data(), part.size(), off_t(position));
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return failed("log", "write", errno);
      part = part.drop_front(size_t(count));
      position += uint64_t(count);
    }
  if (fdatasync(fd) != 0)
    return failed("log", "write", errno);
  end = position;
  hasRecords = true;
  return Error::success();
}

std::optional<ArrayRef<char>> JournalDirectory::find(StringRef key) const {
  auto record = found->records.find(key);
  return record == found->records.end() ? std::nullopt : std::optional(record->second);
}

size_t JournalDirectory::foundRecords() const { return found->records.size(); }

Error JournalDirectory::store(StringRef key, ArrayRef<char> bytes) { return append(key, bytes); }

std::optional<ArrayRef<char>> JournalDirectory::findLatest(StringRef key) const {
  return found->last && found->last->key == key ? std::optional(found->last->bytes) : std::nullopt;
}

Error JournalDirectory::storeLatest(StringRef key, ArrayRef<char> bytes) {
  Expected<std::unique_ptr<OutputFile>> out = OutputFile::create(file("latest"));
  if (!out)
    return out.takeError();
  if (Error error = (*out)->write(recordHeader(key, bytes)))
    return error;
  if (Error error = (*out)->write(bytes))
    return error;
  return (*out)->commit();
}

void JournalDirectory::unlock() {
  *found = Found();
  flock(fd, LOCK_UN);
  isLocked = false;
}

/// Whether nobody has taken the journal meanwhile, and nobody will.
bool JournalDirectory::lockAgain() {
  struct stat status = {};
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &status) != 0 || status.st_nlink == 0)
    return false;
  Expected<std::shared_ptr<MappedFile>> log = MappedFile::open(file("log"));
  std::optional<Record> first = log ? readRecord((*log)->bytes()) : std::nullopt;
  llvm::consumeError(log.takeError());
  return first && first->key == identity;
}

Error JournalDirectory::remove() {
  hasRecords = false;
  if (fd >= 0 && !isLocked && !lockAgain()) {
    close(std::exchange(fd, -1));
    return Error::success();
  }
  std::error_code code = llvm::sys::fs::remove_directories(path, /*IgnoreErrors=*/false);
  if (fd >= 0)
    close(std::exchange(fd, -1));
  if (code)
    return llvm::createStringError("'" + path + "': cannot remove the journal: " +
                                   StringRef(code.message()).lower());
  return syncDirectory(llvm::sys::path::parent_path(path));
}
