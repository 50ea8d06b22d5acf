# Script: writes evd_version.h, only when its content changes.
execute_process(COMMAND git -C "${SOURCE_DIR}" rev-parse --short=12 HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit "unknown")
else()
  # results/ is data that a study itself writes: it does not make the measured code another.
  execute_process(COMMAND git -C "${SOURCE_DIR}" status --porcelain --untracked-files=no
    -- . ":(exclude)results" OUTPUT_VARIABLE dirty ERROR_QUIET)
  if(NOT dirty STREQUAL "")
    string(APPEND commit "-dirty")
  endif()
endif()
set(text "/* Made by cmake/write_version.cmake. */
#ifndef EVD_VERSION_H
#define EVD_VERSION_H
#define EVD_VERSION \"${VERSION}\"
#define EVD_COMMIT \"${commit}\"
#define EVD_BUILD_TYPE \"${BUILD_TYPE}\"
#define EVD_BUILD_SANITIZE \"${SANITIZE}\"
#define EVD_COMPILER \"${COMPILER}\"
#define EVD_C_FLAGS \"${FLAGS}\"
#endif
")
set(old "")
if(EXISTS "${OUT}")
  file(READ "${OUT}" old)
endif()
if(NOT old STREQUAL text)
  file(WRITE "${OUT}" "${text}")
endif()
