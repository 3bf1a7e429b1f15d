// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Notes of loaded ELF files.

#include "qllm/Support/BuildIdentifiers.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MathExtras.h"
#include <elf.h>
#include <link.h>

using Identifiers = std::multimap<std::string, std::vector<unsigned char>>;

/// Adds the build id of one file; called by the dynamic linker.
static int visit(dl_phdr_info *info, size_t, void *data) {
  llvm::StringRef path = info->dlpi_name;
  for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
    const auto &segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const char *at = reinterpret_cast<const char *>(info->dlpi_addr + segment.p_vaddr);
    const char *end = at + segment.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const auto &note = *reinterpret_cast<const ElfW(Nhdr) *>(at);
      const char *owner = at + sizeof(note);
      const char *value = owner + llvm::alignTo<4>(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID &&
          llvm::StringRef(owner, note.n_namesz) == llvm::StringRef("GNU", 4))
        static_cast<Identifiers *>(data)->emplace(
            path.substr(path.rfind('/') + 1).str(),
            std::vector<unsigned char>(value, value + note.n_descsz));
      at = value + llvm::alignTo<4>(note.n_descsz);
    }
  }
  return 0;
}

Identifiers qllm::buildIdentifiers() {
  Identifiers identifiers;
  dl_iterate_phdr(visit, &identifiers);
  return identifiers;
}
