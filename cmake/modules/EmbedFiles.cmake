# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# qllm_embed_files(OUTPUT file.cpp HEADER file.h NAMESPACE name FUNCTIONS function=file ...): a source file in which each
# function returns the text of a file. Several files of one function are joined. Run as a script, this file writes it: #embed
# would leave the compiler cache blind to changes of the files.
if(CMAKE_SCRIPT_MODE_FILE)
  set(text "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
  string(REPLACE "|" ";" pairs "${FUNCTIONS}")
  foreach(pair ${pairs})
    string(REGEX MATCH "^([^=]+)=(.+)$" _ "${pair}")
    set(function ${CMAKE_MATCH_1})
    string(REPLACE "+" ";" files "${CMAKE_MATCH_2}")
    set(bytes "")
    foreach(file ${files})
      file(READ ${file} hex HEX)
      string(APPEND bytes ${hex})
    endforeach()
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND text "static const unsigned char ${function}Bytes[] = {\n${bytes}};\n"
      "llvm::StringRef ${function}() {\n"
      "  return {reinterpret_cast<const char *>(${function}Bytes), sizeof(${function}Bytes)};\n}\n")
  endforeach()
  file(WRITE ${OUTPUT} "${text}} // namespace ${NAMESPACE}\n")
  return()
endif()

set(QLLM_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(qllm_embed_files)
  cmake_parse_arguments(ARG "" "OUTPUT;HEADER;NAMESPACE" "FUNCTIONS" ${ARGN})
  set(inputs ${ARG_FUNCTIONS})
  list(TRANSFORM inputs REPLACE "^[^=]+=" "")
  string(REPLACE "+" ";" inputs "${inputs}")
  list(JOIN ARG_FUNCTIONS "|" functions)
  add_custom_command(OUTPUT ${ARG_OUTPUT}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${ARG_OUTPUT} -DHEADER=${ARG_HEADER} -DNAMESPACE=${ARG_NAMESPACE}
      "-DFUNCTIONS=${functions}" -P ${QLLM_EMBED_SCRIPT}
    DEPENDS ${inputs} ${QLLM_EMBED_SCRIPT} VERBATIM)
endfunction()
