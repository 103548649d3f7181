# SPDX-License-Identifier: Apache-2.0
# Installing: libraries, headers, the tool and its manual, pkg-config and a CMake package (find_package(Cairn)).
include(CMakePackageConfigHelpers)

install(TARGETS cairn_shared cairn_static EXPORT CairnTargets
	RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET cairn_tool)
	install(TARGETS cairn_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	install(DIRECTORY man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
endif()
install(DIRECTORY include/cairn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_file(cmake/cairn.pc.in cairn.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cairn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CAIRN_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Cairn)
configure_package_config_file(cmake/CairnConfig.cmake.in CairnConfig.cmake
	INSTALL_DESTINATION ${CAIRN_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(CairnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/CairnConfig.cmake
	${CMAKE_CURRENT_BINARY_DIR}/CairnConfigVersion.cmake DESTINATION ${CAIRN_PACKAGE_DIR})
install(EXPORT CairnTargets NAMESPACE Cairn:: DESTINATION ${CAIRN_PACKAGE_DIR})
