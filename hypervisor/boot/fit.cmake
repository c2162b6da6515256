# Signed boot images, apart so that they build and are tested without the rest. libfdt is linked statically: it is small,
# and one shared object less to load at each start. libcrypto is opened when it is needed (fit_crypto.h).
find_path(FDT_INCLUDE libfdt.h REQUIRED)
find_library(FDT_LIBRARY NAMES libfdt.a REQUIRED)
find_path(OPENSSL_HEADERS openssl/evp.h REQUIRED)
add_library(rastos_fit STATIC fit.c fit_apart.c fit_crypto.c fit_signed.c fit_tree.c)
target_include_directories(rastos_fit SYSTEM PUBLIC ${FDT_INCLUDE} ${OPENSSL_HEADERS})
target_link_libraries(rastos_fit PUBLIC rastos_common PRIVATE ${FDT_LIBRARY} ${CMAKE_DL_LIBS})
