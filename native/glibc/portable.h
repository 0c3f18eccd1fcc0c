// Included before every source file on Linux (see CMakeLists.txt), so that an addon built on a new system also opens on
// an old one, down to what libtorch itself needs: GLIBC_2.28 and GLIBCXX_3.4.22 (scripts/package/symbols.mjs).
//
// Functions that glibc 2.34 moved from libdl and libpthread into libc have a new version there, beside the old one, and
// so has pow() since glibc 2.29, which no longer sets errno. The linker would take the newest; these lines select the
// old one, which every system has. portable.cc covers functions for which that is not possible.

#if defined(__linux__) && __has_include(<features.h>)
#include <features.h>
#endif

#ifdef __GLIBC__
#if defined(__x86_64__)
#define NAPI_TORCH_GLIBC_BASE "GLIBC_2.2.5"
#define NAPI_TORCH_GLIBC_DLINFO "GLIBC_2.3.3"
#define NAPI_TORCH_HAS_GLIBC_BASE
#elif defined(__aarch64__)
#define NAPI_TORCH_GLIBC_BASE "GLIBC_2.17"
#define NAPI_TORCH_GLIBC_DLINFO "GLIBC_2.17"
#define NAPI_TORCH_HAS_GLIBC_BASE
#endif

#ifdef NAPI_TORCH_HAS_GLIBC_BASE
__asm__(".symver dlopen,dlopen@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver dlclose,dlclose@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver dlerror,dlerror@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver dlsym,dlsym@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver dlinfo,dlinfo@" NAPI_TORCH_GLIBC_DLINFO);
__asm__(".symver pthread_once,pthread_once@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver pthread_create,pthread_create@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver pthread_join,pthread_join@" NAPI_TORCH_GLIBC_BASE);
__asm__(".symver pow,pow@" NAPI_TORCH_GLIBC_BASE);
// GCC 12 and newer have a version of their own, which does the same.
__asm__(
    ".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE,"
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");
#endif
#endif
