// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RecipeOptions.h"

#include "qllm/Recipes/Recipe.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::tool;

/// Options of recipes are passed on as they are; numbers are checked here, so that a slip is a
/// usage error.
void qllm::tool::declareRecipeOptions(OptionTable &options, std::string &recipeOptions) {
  auto pass = [&recipeOptions](StringRef name, StringRef text) {
    recipeOptions += (recipeOptions.empty() ? "" : " ") + name.str() + "=" + text.str();
  };
  auto number = [&](StringRef name, int64_t low, int64_t high, StringRef help) {
    options.add(name, "N", help).store = [=](StringRef text) -> Error {
      Expected<int64_t> value = parseInteger(text, low, high);
      if (!value)
        return value.takeError();
      pass(name, text);
      return Error::success();
    };
  };
  auto choice = [&](StringRef name, std::vector<std::string> choices, StringRef help) {
    static std::string ignored;
    Option &option = options.choice(name, ignored, choices, help);
    option.store = [=, check = option.store](StringRef text) -> Error {
      if (Error error = check(text))
        return error;
      pass(name, text);
      return Error::success();
    };
  };
  auto flag = [&](StringRef name, StringRef help) {
    // Off can be asked for too: some recipes have it on by default.
    Option &option = options.add(name, "", help);
    option.hasOptionalValue = true;
    option.store = [=](StringRef text) -> Error {
      if (!text.empty() && text != "true" && text != "false")
        return createStringError("expected true or false, but got '" + text + "'");
      pass(name, text.empty() ? "true" : text);
      return Error::success();
    };
  };
  auto globs = [&](StringRef name, StringRef help) {
    options.add(name, "GLOB,...", help).store = [=](StringRef text) {
      pass(name, text);
      return Error::success();
    };
  };
  number("weight-bits", 2, 16, "bits of integer weights, 2 to 8; 16 keeps floats");
  choice("weight-format",
         {"int", "e2m1", "e2m3", "e3m2", "e4m3", "e5m2", "nf4", "ternary", "mxfp4", "mxfp6",
          "mxfp8", "nvfp4"},
         "number format of weights");
  choice("granularity", {"tensor", "channel", "group"}, "elements of a weight that share a scale");
  number("group-size", 2, 1 << 20, "elements of a row in a group");
  choice("adapt-groups", {"true", "false"}, "take a smaller group where the size does not divide");
  flag("symmetric", "integer weights without zero points");
  choice("scale", {"f32", "f16", "bf16"}, "how scales of weights are stored");
  number("activation-bits", 2, 16, "bits of the inputs of products; 16 keeps floats");
  flag("activation-symmetric", "activations without zero points");
  number("kv-bits", 2, 16, "bits of queries, keys and values; 16 keeps floats");
  flag("include-embedding", "quantize the embedding");
  flag("include-head", "quantize the lm_head");
  globs("targets", "quantize only layers that match one of these");
  globs("ignore", "leave layers alone that match one of these");
  // What single recipes add to these.
  StringSet<> seen;
  for (const Option &option : options.options())
    seen.insert(option.name);
  for (const Recipe &known : allRecipes())
    for (const RecipeOption &option : known.options())
      if (option.name != "calibration" && option.name != "seed" && seen.insert(option.name).second)
        options.add(option.name, "VALUE", option.help).store = [=](StringRef text) {
          pass(option.name, text);
          return Error::success();
        };
}
