# Script: makes a C array of report.css, so that a report needs no file beside the program.
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n    " bytes "${bytes}")
file(WRITE "${OUT}" "/* Made of report.css by report_css.cmake. */
#ifndef LG_REPORT_CSS_H
#define LG_REPORT_CSS_H
static const unsigned char lg_report_css[] = {
    ${bytes}
};
#endif
")
