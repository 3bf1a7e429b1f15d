# Flags for every target. LLVM_DEFINITIONS arrives as one string and must be split before use.
separate_arguments(llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${llvm_definitions})
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -fvisibility-inlines-hidden)
# Results must not depend on whether the compiler fused a multiply and an add.
add_compile_options(-ffp-contract=off)
if(QLLM_WERROR)
  add_compile_options(-Werror)
endif()
# Statistics of passes are made by libMLIR, which has the ones without counts if it was built without assertions. Code with
# assertions would count in them (add_qllm_library).
set(QLLM_COUNTING_FOLDERS Transforms Conversion)
set(QLLM_COUNTING_OPTIONS)
if(QLLM_ASSERTIONS)
  add_compile_options(-UNDEBUG)
  if(NOT LLVM_ENABLE_ASSERTIONS)
    set(QLLM_COUNTING_OPTIONS $<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/NoopStatistics.h>)
  endif()
endif()
if(QLLM_SANITIZE)
  # Debian's LLVM is not instrumented: container-overflow and vptr checks across its boundary give false alarms.
  add_compile_options(-fsanitize=${QLLM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize=vptr)
  # One runtime for tools and for libraries that Python or mlir-opt load (for those, see utils/check.py).
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-resource-dir OUTPUT_VARIABLE resources OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(QLLM_SANITIZE_OPTIONS -fsanitize=${QLLM_SANITIZE} -shared-libsan -Wl,-rpath,${resources}/lib/linux)
  add_link_options(${QLLM_SANITIZE_OPTIONS})
endif()
# What guides libFuzzer, where the files are read that it writes; elsewhere it would only cost time. These are the flags of
# -fsanitize=fuzzer-no-link that count; that one itself does not go with a precompiled header of code without it.
set(QLLM_FUZZED_FOLDERS Support Tensor Target Calibration Recipes Tools Dialect)
set(QLLM_FUZZED_OPTIONS)
if(QLLM_FUZZ)
  set(QLLM_FUZZED_OPTIONS -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp)
endif()
# What code that reads files is compiled with (add_qllm_library). Sanitizers bring their own checks; fortified functions would
# hide calls from them, and need optimization.
set(QLLM_HARDENED_FOLDERS Support Tensor Target Calibration Tools API CAPI)
set(QLLM_HARDENED_OPTIONS)
if(QLLM_HARDEN AND NOT QLLM_SANITIZE)
  set(QLLM_HARDENED_OPTIONS -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_GLIBCXX_ASSERTIONS
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
# Relocations are resolved at start and read-only from then on; no stack is executable.
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
