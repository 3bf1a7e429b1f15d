# Finds LAPACK of the serial OpenBLAS as the target OpenBLAS::serial. The serial build, because parallelism is ours alone:
# threads of a library would make bits depend on their number.
find_library(OpenBLASSerial_LIBRARY NAMES openblas PATH_SUFFIXES openblas-serial)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenBLASSerial REQUIRED_VARS OpenBLASSerial_LIBRARY)
if(OpenBLASSerial_FOUND AND NOT TARGET OpenBLAS::serial)
  add_library(OpenBLAS::serial UNKNOWN IMPORTED)
  set_target_properties(OpenBLAS::serial PROPERTIES IMPORTED_LOCATION ${OpenBLASSerial_LIBRARY})
endif()
