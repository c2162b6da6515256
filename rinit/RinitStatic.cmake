# rinit_static(NAME SOURCES...): build/bin/NAME.static, compiled, linked and stripped by musl-gcc in one step.
#
# The kernel's uapi headers are libc-independent, but share /usr/include with glibc's: links to just those folders keep
# glibc's headers out of sight.
find_program(RASTOS_MUSL_GCC musl-gcc)
if(NOT RASTOS_MUSL_GCC)
  message(FATAL_ERROR "musl-gcc is missing: apt-get install musl-tools, or configure with -DRASTOS_RINIT_STATIC=OFF")
endif()

set(rinit_uapi ${CMAKE_CURRENT_BINARY_DIR}/uapi)
file(MAKE_DIRECTORY ${rinit_uapi})
foreach(folder linux asm-generic asm)
  find_path(rinit_${folder}_parent ${folder} PATHS /usr/include PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}
    NO_DEFAULT_PATH REQUIRED)
  file(CREATE_LINK ${rinit_${folder}_parent}/${folder} ${rinit_uapi}/${folder} SYMBOLIC)
endforeach()

# No RELRO: what is static and at a fixed address has no relocations to protect, and the page that it takes is one of fifty.
# Nor does the data begin on a page of its own: the few hundred bytes of it share the last one of the code in the file.
set(rinit_static_flags
  -std=gnu17 -Oz -flto -fno-pie -no-pie -static -s -Wall -Wextra -Wshadow -Wconversion -Werror -fno-strict-aliasing -ffunction-sections
  -fdata-sections -fstack-protector-strong -fno-asynchronous-unwind-tables
  -fcf-protection=none -Wl,-z,noseparate-code -Wl,--gc-sections -Wl,-z,norelro -Wl,-z,common-page-size=64
  -D_GNU_SOURCE "-DRASTOS_VERSION=\"${PROJECT_VERSION}\"" -DRINIT_BUILD_TIME=${RASTOS_BUILD_TIME}
  -I${PROJECT_SOURCE_DIR} -isystem ${rinit_uapi})

function(rinit_static name)
  set(output ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name}.static)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ REGEX "^[^/]" OUTPUT_VARIABLE sources)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h ${PROJECT_SOURCE_DIR}/common/*.h)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
    COMMAND ${RASTOS_MUSL_GCC} ${rinit_static_flags} -o ${output} ${sources}
    DEPENDS ${sources} ${headers}
    COMMENT "Building ${name}.static with musl"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name}-static ALL DEPENDS ${output})
endfunction()
