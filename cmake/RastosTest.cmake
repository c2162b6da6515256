# One function for each kind of test; the label is the level (docs/architecture.md, "Tests").

# rastos_unit_test(NAME SOURCES a.c ... LIBRARIES lib ...): a Criterion program.
function(rastos_unit_test name)
  cmake_parse_arguments(test "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(unit_${name} ${test_SOURCES})
  set_target_properties(unit_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/unit)
  target_compile_options(unit_${name} PRIVATE -Wno-conversion -Wno-shadow)
  # Criterion finds its tests in a section that nothing refers to.
  target_link_options(unit_${name} PRIVATE -Wl,--no-gc-sections)
  target_link_libraries(unit_${name} PRIVATE ${test_LIBRARIES} rastos_criterion)
  add_test(NAME unit.${name} COMMAND unit_${name} --jobs 2 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# rastos_fuzz_target(NAME SOURCES a.c ... LIBRARIES lib ...): a libFuzzer program; its seeds are tests/fuzz/corpus/NAME/.
function(rastos_fuzz_target name)
  cmake_parse_arguments(fuzz "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(fuzz_${name} ${fuzz_SOURCES})
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  target_compile_options(fuzz_${name} PRIVATE -Wno-conversion -Wno-shadow)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE ${fuzz_LIBRARIES})
  # New inputs go to the build folder, the seeds stay as they are.
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${name})
  add_test(NAME fuzz.${name}
    COMMAND fuzz_${name} -max_total_time=2 -timeout=10 -rss_limit_mb=1024 -print_final_stats=0 -verbosity=0
            -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${name}- ${CMAKE_BINARY_DIR}/corpus/${name}
            ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
