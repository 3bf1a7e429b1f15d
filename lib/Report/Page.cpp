// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The template with style, scripts and data put in.

#include "qllm/Report/Page.h"

#include "PageFiles.h"

using namespace qllm;
using namespace qllm::report;

/// JSON that cannot end the script element it stands in: '<' occurs in strings only.
static std::string dataText(llvm::ArrayRef<Json> runs) {
  Json list = Json::array();
  for (const Json &run : runs)
    list.push_back(run);
  std::string text = list.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  std::string escaped;
  for (char c : text)
    escaped += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return escaped;
}

std::string report::renderPage(llvm::ArrayRef<Json> runs) {
  struct Part {
    llvm::StringLiteral mark;
    std::string text;
  };
  Part parts[] = {{"/*STYLE*/", pageStyle().str()},
                  {"/*LIBRARY*/", pageLibrary().str()},
                  {"/*DATA*/", dataText(runs)},
                  {"/*SCRIPT*/", pageScript().str()}};
  std::string page;
  llvm::StringRef rest = pageTemplate();
  for (const Part &part : parts) {
    auto [before, behind] = rest.split(part.mark);
    page += before.str() + part.text;
    rest = behind;
  }
  return page + rest.str();
}
