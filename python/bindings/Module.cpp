// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contexts and modules.

#include "Native.h"
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

namespace {

using Text = std::optional<std::string>;
using Ports = std::vector<std::tuple<std::string, std::string, int>>;

const char *orNull(const Text &text) { return text ? text->c_str() : nullptr; }

/// What `body(listener, &module)` makes.
template <typename Body> Module makeModule(nb::object progress, Body body) {
  QllmModule *module = nullptr;
  Call(std::move(progress)).run([&](const QllmListener *listener) {
    return body(listener, &module);
  });
  return Module(module);
}

/// Tasks by way of `function(inputs, tasks)` in Python, which returns the results.
struct PythonTasks {
  nb::object function;
  Call &call;

  static void run(QllmBytes inputs, const QllmBytes *tasks, size_t count, QllmTaskResults *results,
                  void *user) {
    auto *self = static_cast<PythonTasks *>(user);
    nb::gil_scoped_acquire lock;
    try {
      nb::list list;
      for (size_t i = 0; i < count; ++i)
        list.append(nb::bytes(tasks[i].data, tasks[i].size));
      auto given = nb::cast<std::vector<nb::bytes>>(
          self->function(nb::bytes(inputs.data, inputs.size), list));
      for (size_t i = 0; i < given.size(); ++i)
        qllmTaskResultsSet(results, i, {given[i].c_str(), given[i].size()});
    } catch (nb::python_error &error) {
      self->call.keep(error);
      qllmTaskResultsFail(results, "the task runner raised");
    } catch (nb::cast_error &) {
      qllmTaskResultsFail(results, "expected a list of bytes from the task runner");
    }
  }
};

nb::bytes runTask(nb::bytes inputs, nb::bytes task, unsigned threads) {
  std::string result;
  Call(nb::none()).run([&](const QllmListener *) {
    return qllmTaskRun({inputs.c_str(), inputs.size()}, {task.c_str(), task.size()}, threads,
                       appendText, &result);
  });
  return nb::bytes(result.data(), result.size());
}

/// For what only looks at a module or writes it.
template <typename Body> void look(Body body) {
  Call(nb::none()).run([&](const QllmListener *) { return body(); });
}

Module load(Context &context, const std::string &path, nb::object progress) {
  return makeModule(std::move(progress), [&](const QllmListener *listener, QllmModule **module) {
    return qllmModuleLoad(context.handle.get(), path.c_str(), listener, module);
  });
}

Module importOnnx(Context &context, nb::bytes data, const Text &directory) {
  return makeModule(nb::none(), [&](const QllmListener *listener, QllmModule **module) {
    return qllmModuleImportOnnx(context.handle.get(), data.c_str(), data.size(), orNull(directory),
                                listener, module);
  });
}

Module parse(Context &context, nb::bytes text) {
  return makeModule(nb::none(), [&](const QllmListener *, QllmModule **module) {
    return qllmModuleParse(context.handle.get(), text.c_str(), text.size(), module);
  });
}

template <auto function> std::string textOf(const Module &module) {
  std::string text;
  look([&] { return function(module.handle.get(), appendText, &text); });
  return text;
}

void save(const Module &module, const std::string &path) {
  look([&] { return qllmModuleSave(module.handle.get(), path.c_str()); });
}

void exportOnnx(const Module &module, const std::string &path, const std::string &weights) {
  look([&] { return qllmModuleExportOnnx(module.handle.get(), path.c_str(), weights.c_str()); });
}

void exportCheckpoint(const Module &module, const std::string &directory, const std::string &format,
                      const Text &config) {
  look([&] {
    return qllmModuleExportCheckpoint(module.handle.get(), directory.c_str(), format.c_str(),
                                      orNull(config));
  });
}

Module runPipeline(const Module &module, const std::string &pipeline, nb::object progress) {
  return makeModule(std::move(progress), [&](const QllmListener *listener, QllmModule **result) {
    return qllmModuleRunPipeline(module.handle.get(), pipeline.c_str(), listener, result);
  });
}

/// An array as a view of it, or null for none.
struct OptionalView {
  OptionalView(const std::optional<AnyArray> &array, int elementType) {
    if (array)
      view = viewOf(*array, elementType, shape);
    hasView = array.has_value();
  }
  const QllmTensorView *get() const { return hasView ? &view : nullptr; }

  std::vector<int64_t> shape;
  QllmTensorView view{};
  bool hasView;
};

Module quantize(const Module &module, const std::string &recipe, const std::string &options,
                const Text &file, std::optional<AnyArray> tokens, int64_t seed, nb::object progress,
                int tokenType, nb::object tasks, const Text &journal, bool validate,
                const Text &reproducers, const Text &plan, const Text &stopAfter,
                const Text &command) {
  OptionalView view(tokens, tokenType);
  QllmQuantizeOptions given{sizeof(QllmQuantizeOptions),
                            recipe.c_str(),
                            options.c_str(),
                            orNull(file),
                            view.get(),
                            seed,
                            nullptr,
                            orNull(journal),
                            validate,
                            orNull(reproducers),
                            orNull(plan),
                            orNull(stopAfter),
                            orNull(command)};
  Call call(std::move(progress));
  PythonTasks runner{std::move(tasks), call};
  QllmTaskRunner callbacks{sizeof(QllmTaskRunner), &runner, PythonTasks::run};
  if (!runner.function.is_none())
    given.task_runner = &callbacks;
  QllmModule *result = nullptr;
  call.run([&](const QllmListener *listener) {
    return qllmModuleQuantize(module.handle.get(), &given, listener, &result);
  });
  return Module(result);
}

void measure(const Module &module, const Text &file, std::optional<AnyArray> tokens, int tokenType,
             int64_t windows, int64_t windowLength, nb::object progress) {
  OptionalView view(tokens, tokenType);
  QllmMeasureOptions options{sizeof(QllmMeasureOptions), orNull(file), view.get(), windows,
                             windowLength};
  Call(std::move(progress)).run([&](const QllmListener *listener) {
    return qllmModuleMeasure(module.handle.get(), &options, listener);
  });
}

void writePage(const Module &module, const std::string &label, const std::string &path) {
  look([&] { return qllmModuleWritePage(module.handle.get(), label.c_str(), path.c_str()); });
}

std::tuple<double, double, int64_t> perplexity(const Module &module, const AnyArray &tokens,
                                               int tokenType, int64_t windows, int64_t windowLength,
                                               nb::object progress) {
  std::vector<int64_t> shape;
  QllmTensorView view = viewOf(tokens, tokenType, shape);
  QllmPerplexityOptions options{sizeof(QllmPerplexityOptions), windows, windowLength};
  QllmPerplexity result{};
  Call(std::move(progress)).run([&](const QllmListener *listener) {
    return qllmModulePerplexity(module.handle.get(), &view, &options, listener, &result);
  });
  return {result.perplexity, result.loss, result.positions};
}

Module lowerToKernels(const Module &module, const std::string &targets, const std::string &format,
                      int64_t rows, bool pageKVCache, nb::object progress) {
  QllmKernelOptions options{sizeof(QllmKernelOptions), targets.c_str(), format.c_str(), rows,
                            pageKVCache};
  return makeModule(std::move(progress), [&](const QllmListener *listener, QllmModule **result) {
    return qllmModuleLowerToKernels(module.handle.get(), &options, listener, result);
  });
}

nb::dict binaries(const Module &module) {
  nb::dict result;
  qllmModuleForEachBinary(
      module.handle.get(),
      [](const char *target, const void *code, size_t size, void *user) {
        (*static_cast<nb::dict *>(user))[target] = nb::bytes(code, size);
      },
      &result);
  return result;
}

template <auto function> Ports portsOf(const Module &module, const std::string &name) {
  Ports ports;
  look([&] {
    return function(
        module.handle.get(), name.c_str(),
        [](const char *port, const char *type, int32_t element, void *user) {
          static_cast<Ports *>(user)->emplace_back(port, type, int(element));
        },
        &ports);
  });
  return ports;
}

nb::list run(const Module &module, const std::string &function, nb::list inputs,
             nb::object progress) {
  std::vector<const QllmValue *> values;
  for (nb::handle input : inputs)
    values.push_back(nb::cast<Value &>(input).handle.get());
  std::vector<QllmValue *> outputs(portsOf<qllmModuleForEachOutput>(module, function).size());
  Call(std::move(progress)).run([&](const QllmListener *listener) {
    return qllmModuleRun(module.handle.get(), function.c_str(), values.data(), values.size(),
                         listener, outputs.data(), outputs.size());
  });
  nb::list results;
  for (QllmValue *output : outputs)
    results.append(nb::cast(Value(output)));
  return results;
}

} // namespace

void defineModule(nb::module_ &m) {
  using nb::arg;
  m.def("run_task", runTask, arg("inputs"), arg("task"), arg("threads") = 0,
        "Runs one task of `tasks(inputs, tasks)`; the same bytes give the same result.");
  m.attr("__build__") = qllmGetBuild();
  nb::class_<Context>(m, "Context", "Threads, and the directory that weights lie in.")
      .def(nb::init<unsigned>(), arg("threads") = 0);
  nb::class_<Module>(m, "Module", "A model as MLIR, which never changes; str() gives its text.")
      .def_static("load", load, arg("context"), arg("path"), arg("progress").none() = nb::none())
      .def_static("import_onnx", importOnnx, arg("context"), arg("data"),
                  arg("directory").none() = nb::none())
      .def_static("parse", parse, arg("context"), arg("text"))
      .def("__str__", textOf<qllmModulePrint>)
      .def("save", save, arg("path"),
           "Writes an .mlir or .mlirbc file with the weights beside it, or a directory as "
           "`qllm quantize` does.")
      .def("export_onnx", exportOnnx, arg("path"), arg("weights"))
      .def("export_checkpoint", exportCheckpoint, arg("directory"), arg("format"),
           arg("config").none())
      .def("run_pipeline", runPipeline, arg("pipeline"), arg("progress").none() = nb::none())
      .def("quantize", quantize, arg("recipe"), arg("options"), arg("file").none(),
           arg("tokens").none(), arg("seed"), arg("progress").none(), arg("token_type"),
           arg("tasks").none() = nb::none(), arg("journal").none() = nb::none(),
           arg("validate") = false, arg("reproducers").none() = nb::none(),
           arg("plan").none() = nb::none(), arg("stop_after").none() = nb::none(),
           arg("command").none() = nb::none())
      .def("report", textOf<qllmModuleReport>)
      .def("measure", measure, arg("file").none(), arg("tokens").none(), arg("token_type"),
           arg("windows"), arg("window_length"), arg("progress").none() = nb::none(),
           "Adds to the report what quantizing cost.")
      .def("write_page", writePage, arg("label"), arg("path"))
      .def("perplexity", perplexity, arg("tokens"), arg("token_type"), arg("windows"),
           arg("window_length"), arg("progress").none() = nb::none())
      .def("lower_to_kernels", lowerToKernels, arg("targets"), arg("format"), arg("rows"),
           arg("page_kv_cache"), arg("progress").none() = nb::none())
      .def("binaries", binaries)
      .def("unsupported", textOf<qllmModuleUnsupported>)
      .def("inputs", portsOf<qllmModuleForEachInput>, arg("function") = "main")
      .def("outputs", portsOf<qllmModuleForEachOutput>, arg("function") = "main")
      .def("run", run, arg("function"), arg("inputs"), arg("progress").none() = nb::none());
}
