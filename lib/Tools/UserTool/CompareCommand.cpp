// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm compare`: two results of `qllm quantize` side by side.

#include "RunReport.h"
#include "qllm/Report/Compare.h"
#include "qllm/Report/Page.h"
#include "qllm/Support/OutputFile.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Tools/UserTool/Command.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;

namespace {

class CompareCommand : public Command {
public:
  CompareCommand() : Command("compare", "put two results side by side") {}

  void declare(OptionTable &options) override {
    options.positional("A", paths[0], "a result directory, or its report.json");
    options.positional("B", paths[1], "another one");
    options.text("report", page, "FILE.html", "write a page with the plots of both");
    options.integer("layers", layers, 0, 1 << 20,
                    "layers to list, those that differ most first (default 10)");
    options.flag("json", json, "print JSON, with every layer");
  }

  ExitCode run(Session &session) override;

private:
  void print(const Json &comparison, Session &session, raw_ostream &out);

  std::string paths[2], page;
  int64_t layers = 10;
  bool json = false;
};

std::optional<double> numberIn(const Json &object, StringRef name) {
  auto found = object.find(name.str());
  return found != object.end() && found->is_number() ? std::optional(found->get<double>())
                                                     : std::nullopt;
}

std::string textIn(const Json &object, StringRef name) {
  auto found = object.find(name.str());
  return found != object.end() && found->is_string() ? found->get<std::string>() : "-";
}

/// One line: a figure of both, and what became of it.
void printFigure(raw_ostream &out, StringRef title, std::optional<double> a,
                 std::optional<double> b, int digits, bool asShare, double unit = 1) {
  auto text = [&](std::optional<double> value) {
    std::string result = "-";
    if (value) {
      result.clear();
      raw_string_ostream(result) << format("%.*f", digits, *value / unit);
    }
    return result;
  };
  std::string change = "";
  if (a && b && asShare && *a != 0)
    raw_string_ostream(change) << format("%+.1f %%", 100 * (*b / *a - 1));
  else if (a && b)
    raw_string_ostream(change) << format("%+.*f", digits, (*b - *a) / unit);
  out << formatv("{0,-28} {1,16} {2,16} {3,12}\n", title, text(a), text(b), change);
}

} // namespace

void CompareCommand::print(const Json &comparison, Session &session, raw_ostream &out) {
  const Json &a = comparison["a"], &b = comparison["b"];
  auto words = [&](StringRef title, StringRef name) {
    out << formatv("{0,-28} {1,16} {2,16}\n", title, textIn(a, name), textIn(b, name));
  };
  words("", "label");
  words("model", "model");
  words("recipe", "recipe");
  auto figure = [&](StringRef title, StringRef name, int digits, bool asShare, double unit = 1) {
    printFigure(out, title, numberIn(a, name), numberIn(b, name), digits, asShare, unit);
  };
  figure("perplexity before", "perplexity_before", 3, true);
  figure("perplexity", "perplexity", 3, true);
  for (auto [title, kind] :
       {std::pair("  weights rounded", "weights"), std::pair("  and activations", "activations"),
        std::pair("  and queries, keys, values", "attention")})
    printFigure(out, title, numberIn(a["perplexity_up_to"], kind),
                numberIn(b["perplexity_up_to"], kind), 3, true);
  figure("bits a quantized weight", "bits_per_weight", 3, false);
  figure("stored weights, MB", "weight_bytes", 1, true, 1e6);
  figure("layers quantized", "quantized", 0, false);
  figure("time to quantize, s", "seconds", 1, true);
  figure("peak memory, MB", "peak_bytes", 0, true, 1e6);

  struct Difference {
    std::string name;
    double a, b;
  };
  std::vector<Difference> differences;
  size_t unmatched = 0;
  for (const Json &layer : comparison["layers"]) {
    std::optional<double> x = numberIn(layer["a"], "sqnr"), y = numberIn(layer["b"], "sqnr");
    if (x && y)
      differences.push_back({layer["name"].get<std::string>(), *x, *y});
    unmatched += layer["a"]["format"].is_null() || layer["b"]["format"].is_null();
  }
  llvm::sort(differences, [](const Difference &left, const Difference &right) {
    return std::pair(-std::fabs(left.b - left.a), StringRef(left.name)) <
           std::pair(-std::fabs(right.b - right.a), StringRef(right.name));
  });
  differences.resize(std::min(differences.size(), size_t(layers)));
  if (!differences.empty())
    out << "\nsignal to noise of outputs, dB; those that differ most\n";
  for (const Difference &layer : differences)
    printFigure(out, "  " + layer.name, layer.a, layer.b, 1, false);
  if (numberIn(a, "perplexity") && numberIn(b, "perplexity") &&
      !comparison["same_tokens"].get<bool>())
    session.log.warning("the two were not measured on the same windows of the same tokens");
  if (unmatched)
    session.log.warning(Twine(unmatched) + " layers are in one of the two only");
  for (size_t index = 0; index < 2; ++index)
    if (!numberIn(index ? b : a, "perplexity"))
      session.log.warning("'" + paths[index] +
                          "' has no perplexity: it was made without 'qllm quantize --report'");
}

ExitCode CompareCommand::run(Session &session) {
  auto fail = [&](Error error) {
    session.log.error(toString(std::move(error)));
    return ExitCode::BadInput;
  };
  if (!page.empty())
    if (Error error = checkWritable(page))
      return fail(std::move(error));
  std::vector<Json> runs;
  for (const std::string &path : paths) {
    Expected<Json> run = report::readRun(path);
    if (!run)
      return fail(run.takeError());
    runs.push_back(std::move(*run));
  }
  Json comparison = report::compareRuns(runs[0], runs[1]);
  PrintableStream out(outs(), SIZE_MAX);
  if (json)
    out << toText(comparison);
  else
    print(comparison, session, out);
  if (page.empty())
    return ExitCode::Done;
  if (Error error = writeOutputFile(page, report::renderPage(runs)))
    return fail(std::move(error));
  session.log.info("wrote the report " + page);
  return ExitCode::Done;
}

std::unique_ptr<Command> qllm::tool::createCompareCommand() {
  return std::make_unique<CompareCommand>();
}
