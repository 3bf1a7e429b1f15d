# `cmake --install` gives headers, libraries, tools, and a package for find_package(QLLM).
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/qllm ${PROJECT_SOURCE_DIR}/include/qllm-c ${PROJECT_BINARY_DIR}/include/qllm DESTINATION include
        FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc")
install(EXPORT QLLMTargets NAMESPACE QLLM:: DESTINATION lib/cmake/QLLM)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/QLLMConfig.cmake.in ${PROJECT_BINARY_DIR}/QLLMConfig.cmake
                              INSTALL_DESTINATION lib/cmake/QLLM)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/QLLMConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/QLLMConfig.cmake ${PROJECT_BINARY_DIR}/QLLMConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindOneDNN.cmake ${CMAKE_CURRENT_LIST_DIR}/FindOpenBLASSerial.cmake
        DESTINATION lib/cmake/QLLM)
