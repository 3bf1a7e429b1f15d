// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys of records, and when the state of a walk is worth its time.

#include "qllm/Calibration/SiteProgress.h"

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Support/Bytes.h"
#include "qllm/Support/RunListener.h"

using namespace qllm;

/// The state of walks is kept as often as this much of the time allows.
static constexpr int shareOfTime = 25;

static llvm::StringRef textOf(const std::string &bytes) { return bytes; }

SiteProgress::SiteProgress(mlir::MLIRContext *context, llvm::StringRef pass, size_t sites,
                           bool walksOn) {
  auto *dialect = context->getLoadedDialect<QLLMDialect>();
  RunListener *listener = dialect ? dialect->getRunListener() : nullptr;
  journal = listener ? listener->journal() : nullptr;
  if (!journal)
    return;
  section = journal->section(pass);
  size_t known = 0;
  while (known < sites && find(known))
    ++known;
  state = journal->findLatest(section + "walk");
  uint64_t reached = 0;
  if (state)
    ByteReader(state->take_front(sizeof(reached)))(reached);
  if (known == sites && !walksOn)
    resumedAt = sites; // nobody moves the walk
  else if (state && reached <= known)
    resumedAt = size_t(reached);
  if (state && reached != resumedAt)
    state.reset();
}

std::optional<llvm::ArrayRef<char>> SiteProgress::find(llvm::StringRef name) const {
  return journal ? journal->find(section + name.str()) : std::nullopt;
}

llvm::Error SiteProgress::store(llvm::StringRef name, llvm::StringRef bytes) {
  if (!journal)
    return llvm::Error::success();
  return journal->store(section + name.str(), llvm::ArrayRef(bytes.data(), bytes.size()));
}

std::optional<llvm::ArrayRef<char>> SiteProgress::find(size_t site) const {
  return find(textOf(std::to_string(site)));
}

llvm::Error SiteProgress::store(size_t site, llvm::StringRef bytes) {
  return store(textOf(std::to_string(site)), bytes);
}

llvm::Error SiteProgress::reach(size_t site, llvm::ArrayRef<Walk *> walks,
                                llvm::function_ref<void(std::string &)> saveMore,
                                llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)> restoreMore) {
  if (!journal || isBehind(site))
    return llvm::Error::success();
  if (!state || site != resumedAt) {
    bool isTime = site > 0 && Clock::now() - kept >= shareOfTime * cost;
    return isTime ? keep(site, walks, saveMore) : llvm::Error::success();
  }
  ByteReader reader(*state);
  uint64_t reached, size;
  reader(reached);
  for (Walk *walk : walks) {
    reader(size);
    if (llvm::Error error = walk->restore(reader.raw(size)))
      return error;
  }
  reader(size);
  llvm::ArrayRef<char> more = reader.raw(size);
  if (llvm::Error error = reader.finish())
    return error;
  return restoreMore ? restoreMore(more) : llvm::Error::success();
}

llvm::Error SiteProgress::keep(size_t site, llvm::ArrayRef<Walk *> walks,
                               llvm::function_ref<void(std::string &)> saveMore) {
  Clock::time_point start = Clock::now();
  std::string bytes;
  ByteWriter writer(bytes);
  writer(uint64_t(site));
  // A size in front of each part, known when the part is written.
  auto part = [&](llvm::function_ref<bool(std::string &)> save) {
    size_t place = bytes.size();
    writer(uint64_t(0));
    if (!save(bytes))
      return false;
    uint64_t size = bytes.size() - place - sizeof(size);
    std::memcpy(bytes.data() + place, &size, sizeof(size));
    return true;
  };
  for (Walk *walk : walks)
    if (!part([&](std::string &out) { return walk->save(out); }))
      return llvm::Error::success();
  part([&](std::string &out) {
    if (saveMore)
      saveMore(out);
    return true;
  });
  if (llvm::Error error = journal->storeLatest(section + "walk", bytes))
    return error;
  kept = Clock::now();
  cost = kept - start;
  return llvm::Error::success();
}
