// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reports may come from other versions or from an editor: nothing is read without looking at its
// type.

#include "qllm/Report/Compare.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace qllm;
using namespace qllm::report;
using llvm::StringRef;

namespace {

/// The member at the end of a path of names; null where there is none.
const Json *memberOf(const Json &json, llvm::ArrayRef<StringRef> names) {
  const Json *at = &json;
  for (StringRef name : names) {
    if (!at->is_object())
      return nullptr;
    auto member = at->find(name.str());
    if (member == at->end())
      return nullptr;
    at = &*member;
  }
  return at;
}

Json valueOf(const Json &json, llvm::ArrayRef<StringRef> names) {
  const Json *found = memberOf(json, names);
  return found && found->is_primitive() ? *found : Json(nullptr);
}

/// The elements of an array that are objects.
std::vector<const Json *> objectsOf(const Json &json, llvm::ArrayRef<StringRef> names) {
  std::vector<const Json *> objects;
  if (const Json *list = memberOf(json, names); list && list->is_array())
    for (const Json &element : *list)
      if (element.is_object())
        objects.push_back(&element);
  return objects;
}

std::string textOf(const Json &json, StringRef name) {
  const Json *found = memberOf(json, {name});
  return found && found->is_string() ? found->get<std::string>() : "";
}

double numberOf(const Json &json, StringRef name) {
  const Json *found = memberOf(json, {name});
  return found && found->is_number() ? found->get<double>() : 0;
}

Json summaryOf(const Json &run) {
  Json json;
  for (StringRef name : {"label", "model", "recipe", "options"})
    json[name.str()] = valueOf(run, {name});
  json["perplexity_before"] = valueOf(run, {"measurements", "losses", "before", "perplexity"});
  json["perplexity"] = valueOf(run, {"measurements", "losses", "after", "perplexity"});
  for (StringRef kind : {"weights", "activations", "attention"})
    json["perplexity_up_to"][kind.str()] =
        valueOf(run, {"measurements", "losses", "up_to", kind, "perplexity"});
  json["bits_per_weight"] = valueOf(run, {"coverage", "bits_per_weight"});
  json["weight_bytes"] = valueOf(run, {"coverage", "weight_bytes"});
  json["quantized"] = valueOf(run, {"coverage", "quantized"});
  double seconds = 0, peak = 0;
  std::vector<const Json *> stages = objectsOf(run, {"run", "stages"});
  for (const Json *stage : stages) {
    if (textOf(*stage, "stage") != "report")
      seconds += numberOf(*stage, "seconds");
    peak = std::max(peak, numberOf(*stage, "peak_bytes"));
  }
  json["seconds"] = stages.empty() ? Json(nullptr) : Json(seconds);
  json["peak_bytes"] = stages.empty() ? Json(nullptr) : Json(uint64_t(peak));
  return json;
}

/// What losses were measured on: the digest of the tokens, and the windows.
Json protocolOf(const Json &run) {
  Json json;
  // Tokens of the report are listed once, as the calibration where they are the same file.
  for (const Json *file : objectsOf(run, {"run", "files"}))
    if (std::string role = textOf(*file, "role");
        role == "tokens of the report" || (role == "calibration" && !json.contains("sha256")))
      json["sha256"] = textOf(*file, "sha256");
  for (StringRef name : {"windows", "window_length"})
    json[name.str()] = valueOf(run, {"measurements", "losses", name});
  return json;
}

struct LayerFigures {
  Json format, bits, error;
};

llvm::MapVector<StringRef, LayerFigures> layersOf(const Json &run,
                                                  std::vector<std::string> &names) {
  std::vector<const Json *> stored = objectsOf(run, {"coverage", "layers"}),
                            measured = objectsOf(run, {"measurements", "layers"});
  names.reserve(stored.size() + measured.size());
  llvm::MapVector<StringRef, LayerFigures> layers;
  auto at = [&](const Json &layer) -> LayerFigures & {
    names.push_back(textOf(layer, "name"));
    return layers[names.back()];
  };
  for (const Json *layer : stored) {
    LayerFigures &figures = at(*layer);
    figures.format = valueOf(*layer, {"weight_format"});
    figures.bits = valueOf(*layer, {"bits_per_weight"});
  }
  for (const Json *layer : measured)
    at(*layer).error = valueOf(*layer, {"sqnr"});
  return layers;
}

} // namespace

llvm::Expected<Json> report::readRun(StringRef path) {
  llvm::SmallString<256> file(path);
  if (llvm::sys::fs::is_directory(file))
    llvm::sys::path::append(file, "report.json");
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer)
    return llvm::createStringError("expected a result of 'qllm quantize' at '" + path +
                                   "', but cannot read '" + file +
                                   "': " + buffer.getError().message());
  Json run = Json::parse((*buffer)->getBuffer().begin(), (*buffer)->getBuffer().end(), nullptr,
                         /*allow_exceptions=*/false);
  const Json *rows = run.is_discarded() ? nullptr : memberOf(run, {"coverage", "rows"});
  const Json *layers = rows ? memberOf(run, {"coverage", "layers"}) : nullptr;
  if (!rows || !rows->is_array() || !layers || !layers->is_array())
    return llvm::createStringError("expected a report of 'qllm quantize' with a coverage in '" +
                                   file + "', but found " +
                                   (run.is_discarded() ? "no JSON" : "none"));
  StringRef folder = llvm::sys::path::parent_path(file);
  run["label"] = llvm::sys::path::filename(folder.empty() ? StringRef(file) : folder).str();
  return run;
}

Json report::compareRuns(const Json &a, const Json &b) {
  Json json;
  json["a"] = summaryOf(a);
  json["b"] = summaryOf(b);
  json["same_tokens"] = protocolOf(a) == protocolOf(b);
  json["layers"] = Json::array();
  std::vector<std::string> namesOfA, namesOfB;
  llvm::MapVector<StringRef, LayerFigures> first = layersOf(a, namesOfA),
                                           second = layersOf(b, namesOfB);
  auto add = [&](StringRef name, const LayerFigures &x, const LayerFigures &y) {
    json["layers"].push_back({{"name", name.str()},
                              {"a", {{"format", x.format}, {"bits", x.bits}, {"sqnr", x.error}}},
                              {"b", {{"format", y.format}, {"bits", y.bits}, {"sqnr", y.error}}}});
  };
  for (auto &[name, figures] : first)
    add(name, figures, second.lookup(name));
  for (auto &[name, figures] : second)
    if (!first.count(name))
      add(name, {}, figures);
  return json;
}
