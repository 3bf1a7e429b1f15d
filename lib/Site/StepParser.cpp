// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to steps: `mean,split{budget=0.1 offsets=true},round{method=gptq}`.

#include "qllm/Site/SiteStep.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace qllm;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;

namespace {

/// Cuts at `separator` where no brace is open.
Expected<std::vector<StringRef>> cut(StringRef text, char separator) {
  std::vector<StringRef> pieces;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth < 0 || depth > 1)
      return createStringError("expected braces that match in steps '" + text + "'");
    if (depth == 0 && text[i] == separator) {
      pieces.push_back(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  if (depth)
    return createStringError("expected braces that match in steps '" + text + "'");
  pieces.push_back(text.drop_front(start).trim());
  return pieces;
}

Expected<std::vector<StepOption>> parseOptions(StringRef step, StringRef text) {
  std::vector<StepOption> options;
  for (StringRef piece : llvm::split(text, ' ')) {
    piece = piece.trim();
    if (piece.empty())
      continue;
    auto [name, value] = piece.split('=');
    if (name.empty() || value.empty())
      return createStringError("expected name=value as an option of step '" + step +
                               "', but got '" + piece + "'");
    for (const StepOption &option : options)
      if (option.name == name)
        return createStringError("expected option '" + name + "' of step '" + step +
                                 "' once, but got it twice");
    options.push_back({name, value});
  }
  return options;
}

const StepInfo *find(StringRef name) {
  for (const StepInfo &info : allSteps())
    if (info.name == name)
      return &info;
  return nullptr;
}

std::string unknownStep(StringRef name) {
  std::vector<StringRef> names;
  StringRef guess;
  unsigned best = unsigned(std::max<size_t>(1, name.size() / 2)) + 1;
  for (const StepInfo &info : allSteps()) {
    names.push_back(info.name);
    unsigned distance = name.edit_distance(info.name, /*AllowReplacements=*/true, best);
    if (distance < best) {
      best = distance;
      guess = info.name;
    }
  }
  return "expected one of the steps " + llvm::join(names, ", ") + ", but got '" + name.str() + "'" +
         (guess.empty() ? "" : ", did you mean '" + guess.str() + "'");
}

} // namespace

Expected<std::vector<NamedStep>> qllm::parseSteps(StringRef text) {
  std::vector<NamedStep> steps;
  if (text.trim().empty())
    return steps;
  Expected<std::vector<StringRef>> pieces = cut(text, ',');
  if (!pieces)
    return pieces.takeError();
  for (StringRef piece : *pieces) {
    StringRef name = piece.take_until([](char c) { return c == '{'; }).rtrim();
    StringRef rest = piece.drop_front(
        piece.find_first_of('{') == StringRef::npos ? piece.size() : piece.find_first_of('{'));
    if (!rest.empty() && (!rest.consume_front("{") || !rest.consume_back("}")))
      return createStringError("expected step{name=value ..}, but got '" + piece + "'");
    const StepInfo *info = find(name);
    if (!info)
      return createStringError(unknownStep(name));
    Expected<std::vector<StepOption>> options = parseOptions(name, rest);
    if (!options)
      return options.takeError();
    Expected<std::unique_ptr<SiteStep>> step = info->create(*options);
    if (!step)
      return step.takeError();
    steps.push_back({name.str(), std::move(*step), piece.str()});
  }
  return steps;
}
