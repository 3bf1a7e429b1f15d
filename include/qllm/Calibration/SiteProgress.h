// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a pass over sites is, in the journal of the run.

#ifndef QLLM_CALIBRATION_SITEPROGRESS_H
#define QLLM_CALIBRATION_SITEPROGRESS_H

#include "qllm/Calibration/Walk.h"
#include "qllm/Support/Journal.h"
#include <chrono>

namespace qllm {

/// A pass that walks from site to site and finds something at each keeps two things: a record for
/// every site, and now and then the state of its walk. When it is started again, sites with a
/// record need not be looked at, and the walk goes on from its last state. Without a journal
/// nothing is known and nothing is kept.
///
///   SiteProgress progress(context, "qllm-smooth", sites.size());
///   for each site i:
///     if (Error error = progress.reach(i, {&walk}))        // restores or keeps the walk
///       ...
///     std::optional<ArrayRef<char>> record = progress.find(i);
///     if (!progress.isBehind(i))
///       ... advance the walk to the site
///     if (!record)
///       ... compute and store
///     ... use what was found
class SiteProgress {
public:
  /// `walksOn`: the walk is needed behind the last site; `reach` is called once more there.
  SiteProgress(mlir::MLIRContext *context, llvm::StringRef pass, size_t sites,
               bool walksOn = false);

  /// Whether there is a journal: without one, nothing need be made into bytes.
  bool isKept() const { return journal; }

  /// What was found at this site.
  std::optional<llvm::ArrayRef<char>> find(size_t site) const;
  llvm::Error store(size_t site, llvm::StringRef bytes);
  /// The same for what is no site, by a name of its own.
  std::optional<llvm::ArrayRef<char>> find(llvm::StringRef name) const;
  llvm::Error store(llvm::StringRef name, llvm::StringRef bytes);

  /// Whether the walk goes on behind this site, so that it must not be moved to it.
  bool isBehind(size_t site) const { return site < resumedAt; }

  /// To be called before each site, with the walks that the pass makes and, if there is any, other
  /// state that depends on them. Restores their state where the pass goes on; from there on keeps
  /// it whenever that takes little of the time.
  llvm::Error reach(size_t site, llvm::ArrayRef<Walk *> walks,
                    llvm::function_ref<void(std::string &)> saveMore = nullptr,
                    llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)> restoreMore = nullptr);

private:
  using Clock = std::chrono::steady_clock;
  llvm::Error keep(size_t site, llvm::ArrayRef<Walk *> walks,
                   llvm::function_ref<void(std::string &)> saveMore);

  Journal *journal = nullptr;
  std::string section;
  size_t resumedAt = 0;
  std::optional<llvm::ArrayRef<char>> state;
  Clock::time_point kept = Clock::now();
  Clock::duration cost = Clock::duration::zero();
};

} // namespace qllm

#endif // QLLM_CALIBRATION_SITEPROGRESS_H
