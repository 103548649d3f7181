# SPDX-License-Identifier: Apache-2.0
# NEEDSWORK: only while the tree is incomplete. Sources that are listed but not written yet are left out with a word;
# as soon as one appears the build configures itself again. To be removed, with its uses, when every file is there.

# cairn_existing_sources(<variable> <file>...): those of the files that exist, as absolute paths.
function(cairn_existing_sources variable)
	set(existing "")
	foreach(source IN LISTS ARGN)
		set(path "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
		file(GLOB found CONFIGURE_DEPENDS "${path}")
		if(found)
			list(APPEND existing "${path}")
		else()
			file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${path}")
			message(STATUS "not written yet: ${name}")
			set_property(GLOBAL APPEND PROPERTY CAIRN_UNWRITTEN "${name}")
		endif()
	endforeach()
	set(${variable} "${existing}" PARENT_SCOPE)
endfunction()

# cairn_matching_sources(<variable> <pattern>): the files of a folder whose list is not settled yet, sorted.
function(cairn_matching_sources variable pattern)
	file(GLOB found CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${pattern}")
	list(SORT found)
	set(${variable} "${found}" PARENT_SCOPE)
endfunction()

# cairn_have_source(<variable> <file>): whether it exists.
function(cairn_have_source variable source)
	cairn_existing_sources(existing "${source}")
	if(existing)
		set(${variable} ON PARENT_SCOPE)
	else()
		set(${variable} OFF PARENT_SCOPE)
	endif()
endfunction()

# cairn_allow_unwritten(): lets programs link whose core is incomplete; what is missing crashes when it is called.
function(cairn_allow_unwritten)
	get_property(unwritten GLOBAL PROPERTY CAIRN_UNWRITTEN)
	if(unwritten)
		target_link_options(cairn_settings INTERFACE LINKER:--unresolved-symbols=ignore-all
			$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
	endif()
endfunction()

# cairn_warn_unlisted(<file>...): says which sources of the core are in the tree but not among these.
function(cairn_warn_unlisted)
	file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} format/*.c engine/*.c)
	list(REMOVE_ITEM found ${ARGN})
	list(FILTER found EXCLUDE REGEX "^engine/system/memory_")
	foreach(name IN LISTS found)
		message(WARNING "${name} is not in the lists of CMakeLists.txt")
	endforeach()
endfunction()
