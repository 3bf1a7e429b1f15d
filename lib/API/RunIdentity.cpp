// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Digests of files and of the build.

#include "RunIdentity.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Support/BuildIdentifiers.h"
#include "qllm/Version.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include "llvm/TargetParser/Host.h"
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace llvm;
using namespace qllm;
namespace fs = llvm::sys::fs;

namespace {

constexpr uint64_t chunkSize = 1 << 20;
/// Chunks that are read of a larger file: about a second's worth.
constexpr uint64_t mostChunks = 1024;

Error readError(StringRef path, int error) {
  return createStringError("'" + path +
                           "': cannot read: " + StringRef(sys::StrError(error)).lower());
}

/// Hash of hashes.
class Digest {
public:
  void add(ArrayRef<uint8_t> bytes) { parts.push_back(xxh3_64bits(bytes)); }
  void add(uint64_t value) { parts.push_back(value); }
  std::string text() const {
    XXH128_hash_t hash = xxh3_128bits(
        {reinterpret_cast<const uint8_t *>(parts.data()), parts.size() * sizeof(uint64_t)});
    return utohexstr(hash.high64, /*LowerCase=*/true, 16) + utohexstr(hash.low64, true, 16);
  }

private:
  std::vector<uint64_t> parts;
};

Error addContents(int fd, StringRef path, uint64_t size, Digest &digest) {
  uint64_t chunks = divideCeil(size, chunkSize);
  uint64_t read = std::min(chunks, mostChunks);
  std::vector<uint8_t> buffer(chunkSize);
  for (uint64_t i = 0; i < read; ++i) {
    // The first and the last one among them.
    uint64_t chunk = read == chunks ? i : i * (chunks - 1) / (read - 1);
    ssize_t count;
    do
      count = pread(fd, buffer.data(), chunkSize, off_t(chunk * chunkSize));
    while (count < 0 && errno == EINTR);
    if (count < 0)
      return readError(path, errno);
    digest.add(ArrayRef(buffer).take_front(size_t(count)));
  }
  return Error::success();
}

/// Of everything loaded into this process.
std::string buildDigest() {
  Digest digest;
  for (const auto &[name, identifier] : buildIdentifiers())
    digest.add(identifier);
  return digest.text();
}

/// Hashes what is written.
class DigestStream : public raw_ostream {
public:
  ~DigestStream() override { flush(); }
  std::string text() {
    flush();
    return digest.text();
  }

private:
  void write_impl(const char *data, size_t size) override {
    position += size;
    digest.add(ArrayRef(reinterpret_cast<const uint8_t *>(data), size));
  }
  uint64_t current_pos() const override { return position; }

  Digest digest;
  uint64_t position = 0;
};

/// Of a module that is in no file: all of it but the data files that it names.
Expected<std::string> digestOfModule(mlir::ModuleOp module) {
  DigestStream stream;
  if (failed(mlir::writeBytecodeToFile(module, stream)))
    return createStringError("cannot take the digest of the model");
  return stream.text();
}

} // namespace

std::set<std::string> qllm::api::externalFilesOf(mlir::ModuleOp module) {
  std::set<std::string> files;
  mlir::AttrTypeWalker walker;
  walker.addWalk([&](onnx::ExternalAttr attribute) { files.insert(attribute.getFile().str()); });
  module->walk([&](mlir::Operation *op) { walker.walk(op->getAttrDictionary()); });
  return files;
}

Expected<std::string> qllm::api::digestOfFile(StringRef path) {
  int fd = open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  if (fd < 0 || fstat(fd, &status) != 0) {
    int error = errno;
    if (fd >= 0)
      close(fd);
    return readError(path, error);
  }
  Digest digest;
  uint64_t size = uint64_t(status.st_size);
  digest.add(size);
  if (size > mostChunks * chunkSize)
    for (uint64_t value : {uint64_t(status.st_ino), uint64_t(status.st_mtim.tv_sec),
                           uint64_t(status.st_mtim.tv_nsec)})
      digest.add(value);
  Error error = addContents(fd, path, size, digest);
  close(fd);
  if (error)
    return std::move(error);
  return digest.text();
}

Expected<std::string> qllm::api::identityOf(const RunInputs &inputs) {
  std::string text;
  auto line = [&](StringRef label, StringRef value) {
    text += (label + ": " + value + "\n").str();
  };
  line("version of qllm", std::string(QLLM_VERSION) + " " + buildDigest());
  line("processor", sys::getHostCPUName());
  for (StringRef pass : split(inputs.passes, '\n'))
    line("passes", pass);
  std::vector<std::pair<std::string, std::string>> files = {
      {"model", inputs.model}, {"calibration", inputs.calibration}, {"plan", inputs.plan}};
  mlir::ModuleOp module = inputs.module;
  if (DataDirectory *data = onnx::DataFiles::get(module.getContext()).directory())
    for (const std::string &file : externalFilesOf(module))
      files.push_back({"model", (data->path() + "/" + file).str()});
  if (inputs.model.empty()) {
    Expected<std::string> digest = digestOfModule(module);
    if (!digest)
      return digest.takeError();
    line("model", *digest);
  }
  for (const auto &[label, file] : files) {
    if (file.empty())
      continue;
    Expected<std::string> digest = digestOfFile(file);
    if (!digest)
      return digest.takeError();
    StringRef name = sys::path::filename(file);
    if (file == inputs.calibration && !inputs.calibrationName.empty())
      name = inputs.calibrationName;
    line(label, (name + " " + *digest).str());
  }
  return text;
}
