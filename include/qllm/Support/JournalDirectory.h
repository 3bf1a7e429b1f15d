// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A journal on disk.

#ifndef QLLM_SUPPORT_JOURNALDIRECTORY_H
#define QLLM_SUPPORT_JOURNALDIRECTORY_H

#include "qllm/Support/Journal.h"
#include <memory>
#include <vector>

namespace qllm {

/// A directory with two files:
///   log     an identity, then records that are only ever appended: key, bytes and a checksum, on
///           disk before the run goes on. A record that was torn by a crash, and whatever lies
///           behind it, is cut off when the journal is opened again.
///   latest  the entry of `storeLatest`, replaced by renaming.
/// The log is locked while the journal is open: two runs cannot share it.
class JournalDirectory : public Journal {
public:
  /// Opens or creates the journal at `path`. `identity` has a line for everything that results
  /// depend on, `label: value`; a journal of another identity is emptied. Fails where another
  /// process has it open, or where it cannot be written.
  static llvm::Expected<std::unique_ptr<JournalDirectory>> open(llvm::StringRef path,
                                                                llvm::StringRef identity);
  /// Leaves the journal for a later run; one without a record is removed.
  ~JournalDirectory() override;
  JournalDirectory(const JournalDirectory &) = delete;
  JournalDirectory &operator=(const JournalDirectory &) = delete;

  std::optional<llvm::ArrayRef<char>> find(llvm::StringRef key) const override;
  llvm::Error store(llvm::StringRef key, llvm::ArrayRef<char> bytes) override;
  std::optional<llvm::ArrayRef<char>> findLatest(llvm::StringRef key) const override;
  llvm::Error storeLatest(llvm::StringRef key, llvm::ArrayRef<char> bytes) override;

  /// Records of an earlier run.
  size_t foundRecords() const;
  /// Labels of the identity that an emptied journal had other values for; empty if none was.
  llvm::ArrayRef<std::string> changedLabels() const { return changed; }
  /// Whether there is anything for a later run.
  bool isEmpty() const { return !hasRecords; }

  /// The run is over, but its result is not safe yet: nothing is looked up or stored any more, and
  /// another run may take what is here, or the place.
  void unlock();
  /// The result is there: the journal is of no more use. After `unlock`, one that another run has
  /// taken is left alone.
  llvm::Error remove();

private:
  JournalDirectory(int fd, std::string path);
  llvm::Error start(llvm::StringRef identity);
  llvm::Error recover(llvm::StringRef identity);
  bool lockAgain();
  llvm::Error append(llvm::StringRef key, llvm::ArrayRef<char> bytes);
  llvm::Error failed(llvm::StringRef file, const char *what, int error) const;
  std::string file(llvm::StringRef name) const { return path + "/" + name.str(); }

  struct Found;
  int fd;
  std::string path, identity;
  std::unique_ptr<Found> found;
  std::vector<std::string> changed;
  uint64_t end = 0;
  bool hasRecords = false, isLocked = true;
};

} // namespace qllm

#endif // QLLM_SUPPORT_JOURNALDIRECTORY_H
