// What the processor can do that runs this, for code that is compiled for several.
#pragma once

#if defined(__x86_64__) && defined(_WIN32)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace napi_torch {

#if defined(__x86_64__) && defined(_WIN32)

// __builtin_cpu_supports needs a library of the compiler that is not linked there.
inline bool HasFeature(int leaf, int part, int bit) {
  int registers[4] = {};
  __cpuidex(registers, leaf, 0);
  return ((registers[part] >> bit) & 1) != 0;
}

// Whether the system keeps the registers `mask` of XCR0, as Intel's manual numbers them.
__attribute__((target("xsave"))) inline bool Keeps(unsigned long long mask) {
  constexpr int kEcx = 2;
  return HasFeature(1, kEcx, 27) && (_xgetbv(0) & mask) == mask;  // OSXSAVE.
}

inline bool HasAvx2() {
  constexpr int kEbx = 1;
  constexpr int kEcx = 2;
  return Keeps(0x6) && HasFeature(1, kEcx, 12) && HasFeature(7, kEbx, 5);  // FMA, AVX2.
}

// All that the files for AVX-512 are compiled for: CMakeLists.txt.
inline bool HasAvx512() {
  constexpr int kEbx = 1;
  return HasAvx2() && Keeps(0xe6) && HasFeature(7, kEbx, 16) && HasFeature(7, kEbx, 17) && HasFeature(7, kEbx, 30) &&
         HasFeature(7, kEbx, 31);  // F, DQ, BW, VL.
}

#elif defined(__x86_64__)

// All that the files for AVX-512 are compiled for: CMakeLists.txt.
inline bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}

inline bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

#endif

}  // namespace napi_torch
