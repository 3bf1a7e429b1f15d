// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files for tests of files.

#ifndef QLLM_UNITTESTS_SUPPORT_TEMPORARYDIRECTORY_H
#define QLLM_UNITTESTS_SUPPORT_TEMPORARYDIRECTORY_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>

/// A directory that is removed with everything in it.
class TemporaryDirectory {
protected:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qllm-test-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(root); }

  std::string path(const std::string &name) const { return (root / name).string(); }
  void makeDirectory(const std::string &name) { std::filesystem::create_directory(root / name); }
  void write(const std::string &name, const std::string &text) { std::ofstream(root / name, std::ios::binary) << text; }
  std::string read(const std::string &name) const {
    std::ostringstream text;
    text << std::ifstream(root / name, std::ios::binary).rdbuf();
    return text.str();
  }
  void link(const std::string &target, const std::string &name) { std::filesystem::create_symlink(target, root / name); }
  void hardLink(const std::string &target, const std::string &name) { std::filesystem::create_hard_link(root / target, root / name); }
  void makePipe(const std::string &name) { mkfifo(path(name).c_str(), 0600); }
  size_t count() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(root), {})); }

  std::filesystem::path root;
};

#endif // QLLM_UNITTESTS_SUPPORT_TEMPORARYDIRECTORY_H
