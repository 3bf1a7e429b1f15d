// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Site/StepOptions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace qllm;

namespace {

// More values than anybody searches; a step of 1e-9 must not fill the memory.
constexpr size_t mostNumbers = 1000;

bool readNumber(llvm::StringRef text, double lowest, double highest, double &value) {
  return !text.getAsDouble(value) && value >= lowest && value <= highest;
}

} // namespace

const StepOption *StepOptionReader::take(llvm::StringRef name) {
  known.push_back(name);
  const StepOption *found = nullptr;
  for (auto [i, option] : llvm::enumerate(options))
    if (option.name == name) {
      if (found)
        fail("option '" + name + "' is given twice");
      found = &option;
      taken[i] = true;
    }
  return found;
}

void StepOptionReader::fail(const llvm::Twine &message) {
  if (failure.empty())
    failure = ("step '" + step + "': " + message).str();
}

void StepOptionReader::complain(const StepOption &option, const llvm::Twine &wanted) {
  fail("expected " + wanted + " for '" + option.name + "', but got '" + option.value + "'");
}

bool StepOptionReader::integer(llvm::StringRef name, int64_t &value, int64_t lowest,
                               int64_t highest) {
  const StepOption *option = take(name);
  if (!option)
    return false;
  int64_t read = 0;
  if (option->value.getAsInteger(10, read) || read < lowest || read > highest)
    complain(*option, llvm::formatv("an integer from {0} to {1}", lowest, highest).str());
  else
    value = read;
  return true;
}

bool StepOptionReader::number(llvm::StringRef name, double &value, double lowest, double highest) {
  const StepOption *option = take(name);
  if (!option)
    return false;
  double read = 0;
  if (!readNumber(option->value, lowest, highest, read))
    complain(*option, llvm::formatv("a number from {0} to {1}", lowest, highest).str());
  else
    value = read;
  return true;
}

bool StepOptionReader::boolean(llvm::StringRef name, bool &value) {
  return choice<bool>(name, value, {{"true", true}, {"false", false}});
}

bool StepOptionReader::numbers(llvm::StringRef name, std::vector<float> &values, double lowest,
                               double highest) {
  const StepOption *option = take(name);
  if (!option)
    return false;
  llvm::SmallVector<llvm::StringRef> texts;
  option->value.split(texts, ':');
  std::vector<double> read(texts.size());
  bool range = texts.size() == 3;
  for (auto [i, text] : llvm::enumerate(texts))
    if (!readNumber(text, range && i == 2 ? 1e-6 : lowest, highest, read[i])) {
      complain(*option, llvm::formatv("low:high:step or numbers divided by colons, from {0} to {1}",
                                      lowest, highest)
                            .str());
      return true;
    }
  values.clear();
  if (!range) {
    values.assign(read.begin(), read.end());
    return true;
  }
  double count = std::floor((read[1] - read[0]) / read[2] + 1e-6) + 1;
  if (!(count >= 1 && count <= double(mostNumbers))) {
    complain(*option, llvm::formatv("1 to {0} values in low:high:step", mostNumbers).str());
    return true;
  }
  for (size_t i = 0; i < size_t(count); ++i)
    values.push_back(float(read[0] + double(i) * read[2]));
  return true;
}

llvm::Error StepOptionReader::finish() {
  for (auto [i, option] : llvm::enumerate(options))
    if (!taken[i]) {
      std::string names = llvm::join(known, ", ");
      fail("expected " + (names.empty() ? "no options" : "one of the options " + names) +
           ", but got '" + option.name + "'");
    }
  if (failure.empty())
    return llvm::Error::success();
  return llvm::createStringError(failure);
}
