# cmake --install BUILD --prefix PREFIX: the programs, the modules, what they read, and the package
# for modules from outside. A prefix of its own (~/evdispatch, /opt/evdispatch) keeps it together:
# programs look for ../modules and ../share beside themselves.
include(CMakePackageConfigHelpers)
set(EVD_INSTALL_INCLUDE include)
set(EVD_INSTALL_LIB lib)
set(EVD_INSTALL_PACKAGE lib/cmake/evdispatch)

install(TARGETS evd-server loadgen RUNTIME DESTINATION bin)
install(TARGETS evd_server_main evd_server_core evd_dispatch evd_wire evd_message
  ARCHIVE DESTINATION "${EVD_INSTALL_LIB}")
foreach(header module message status builtins dispatch arena)
  install(FILES "${PROJECT_SOURCE_DIR}/dispatch/${header}.h"
    DESTINATION "${EVD_INSTALL_INCLUDE}/evdispatch")
endforeach()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/loadgen/scenarios" "${PROJECT_SOURCE_DIR}/loadgen/studies"
  "${PROJECT_SOURCE_DIR}/loadgen/schemas" DESTINATION share)
install(FILES "${PROJECT_SOURCE_DIR}/docs/man/loadgen.1" DESTINATION share/man/man1)
install(FILES "${PROJECT_SOURCE_DIR}/docs/man/evd-server.8" DESTINATION share/man/man8)
install(FILES "${PROJECT_SOURCE_DIR}/dispatch/modules/TEMPLATE.c" DESTINATION share/evdispatch)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/evdispatchConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/generated/package/evdispatchConfig.cmake"
  INSTALL_DESTINATION "${EVD_INSTALL_PACKAGE}" PATH_VARS EVD_INSTALL_INCLUDE EVD_INSTALL_LIB)
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/generated/package/evdispatchConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/generated/package/evdispatchConfig.cmake"
  "${PROJECT_BINARY_DIR}/generated/package/evdispatchConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/EvdAddModule.cmake" "${PROJECT_SOURCE_DIR}/cmake/EvdAddServer.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/EvdLinkLayouts.cmake" "${PROJECT_SOURCE_DIR}/cmake/shuffle_objects.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/archive_objects.cmake"
  "${PROJECT_SOURCE_DIR}/dispatch/builtins.c" DESTINATION "${EVD_INSTALL_PACKAGE}")

# The unit names the program by its path, which is only known when it is installed.
install(FILES "${PROJECT_SOURCE_DIR}/packaging/systemd/evdispatch.socket"
  DESTINATION lib/systemd/system)
install(CODE "
  file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
  configure_file(\"${PROJECT_SOURCE_DIR}/packaging/systemd/evdispatch.service.in\"
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/evdispatch.service\" @ONLY)")
