# The shapes every folder is made of. All link the distribution's shared MLIR and LLVM, never their static parts: two
# copies of MLIR in one process would not share type identities.

# add_qllm_library(NAME sources... [LINK libs...] [DEPENDS targets...] [EXCEPTIONS])
# A static library. EXCEPTIONS keeps C++ exceptions on, for code that calls libraries that throw.
function(add_qllm_library name)
  cmake_parse_arguments(ARG "EXCEPTIONS" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} INTERFACE $<INSTALL_INTERFACE:include>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(NOT ARG_EXCEPTIONS)
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  endif()
  set_property(GLOBAL APPEND PROPERTY QLLM_LIBRARIES ${name})
  install(TARGETS ${name} EXPORT QLLMTargets ARCHIVE DESTINATION lib)
endfunction()

# add_qllm_dialect_library(NAME ...): the same, linked to MLIR and after all generated headers.
function(add_qllm_dialect_library name)
  add_qllm_library(${name} ${ARGN})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
  add_dependencies(${name} qllm-headers)
endfunction()

# add_qllm_dialect(prefix dialect): IR declarations and definitions from <prefix>Ops.td in this folder. Extra shards
# split the op definitions so that they compile in parallel.
function(add_qllm_dialect prefix dialect)
  cmake_parse_arguments(ARG "" "SHARDS" "" ${ARGN})
  set(shard_flag)
  if(ARG_SHARDS)
    set(shard_flag -op-shard-count=${ARG_SHARDS})
  endif()
  set(LLVM_TARGET_DEFINITIONS ${prefix}Ops.td)
  mlir_tablegen(${prefix}Ops.h.inc -gen-op-decls ${shard_flag})
  mlir_tablegen(${prefix}Ops.cpp.inc -gen-op-defs ${shard_flag})
  mlir_tablegen(${prefix}Dialect.h.inc -gen-dialect-decls -dialect=${dialect})
  mlir_tablegen(${prefix}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect})
  mlir_tablegen(${prefix}Types.h.inc -gen-typedef-decls -typedefs-dialect=${dialect})
  mlir_tablegen(${prefix}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${dialect})
  mlir_tablegen(${prefix}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect})
  mlir_tablegen(${prefix}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect})
  add_public_tablegen_target(${prefix}IncGen)
  add_dependencies(qllm-headers ${prefix}IncGen)
  # qllm-doc: the dialect's generated page.
  set(LLVM_TARGET_DEFINITIONS ${prefix}Ops.td)
  mlir_tablegen(${prefix}.md -gen-dialect-doc -dialect=${dialect})
  add_custom_target(${prefix}DocGen DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${prefix}.md)
  add_dependencies(qllm-doc ${prefix}DocGen)
endfunction()

# add_qllm_passes(name): pass declarations from Passes.td in this folder, registration functions named after `name`.
function(add_qllm_passes name)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${name})
  add_public_tablegen_target(QLLM${name}PassIncGen)
  add_dependencies(qllm-headers QLLM${name}PassIncGen)
  mlir_tablegen(${name}Passes.md -gen-pass-doc)
  add_custom_target(QLLM${name}PassDocGen DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${name}Passes.md)
  add_dependencies(qllm-doc QLLM${name}PassDocGen)
endfunction()

# add_qllm_tool(NAME sources... LINK libs...)
function(add_qllm_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} qllm-headers)
  add_dependencies(qllm-tools ${name})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# add_qllm_unittest(NAME sources... LINK libs...): a GoogleTest binary that lit discovers under unittests/.
function(add_qllm_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/unittests)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  add_dependencies(${name} qllm-headers)
  add_dependencies(qllm-unittests ${name})
endfunction()

# add_qllm_subdirectories(): every folder below this one, at any depth, that has a CMakeLists.txt. A new library is a new
# folder; no list elsewhere needs an edit.
function(add_qllm_subdirectories)
  file(GLOB_RECURSE lists CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(list ${lists})
    get_filename_component(folder ${list} DIRECTORY)
    add_subdirectory(${folder})
  endforeach()
endfunction()

add_custom_target(qllm-headers)
add_custom_target(qllm-tools)
add_custom_target(qllm-unittests)
add_custom_target(qllm-doc)
