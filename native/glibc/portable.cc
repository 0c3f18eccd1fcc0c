// Functions that glibc before 2.33 has under other names, or lacks: see portable.h.

#include "portable.h"

#ifdef NAPI_TORCH_HAS_GLIBC_BASE
#include <sys/stat.h>

// The layout that 64-bit kernels fill in: _STAT_VER of the headers before glibc 2.33.
#ifdef __x86_64__
constexpr int kStatVersion = 1;
#else
constexpr int kStatVersion = 0;
#endif

extern "C" {

int __fxstat(int version, int descriptor, struct stat* status);

[[gnu::visibility("hidden")]] int fstat(int descriptor, struct stat* status) {
  return __fxstat(kStatVersion, descriptor, status);
}

// libstdc++ reads this variable (of glibc 2.32) to decide whether it may count references without atomic operations. It
// must not: Node.js always has threads.
[[gnu::visibility("hidden")]] char __libc_single_threaded = 0;

}  // extern "C"
#endif
