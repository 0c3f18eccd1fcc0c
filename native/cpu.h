// The instruction sets that the CPU supports, for code that is compiled for several of them.
#pragma once

#if defined(__x86_64__) && defined(_WIN32)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace napi_torch {

#if defined(__x86_64__) && defined(_WIN32)

// __builtin_cpu_supports needs a runtime library of the compiler, which is not linked on Windows.
inline bool HasFeature(int leaf, int part, int bit) {
  int registers[4] = {};
  __cpuidex(registers, leaf, 0);
  return ((registers[part] >> bit) & 1) != 0;
}

// Whether the system saves the registers `mask` of XCR0, by the bits of Intel's manual.
__attribute__((target("xsave"))) inline bool SavesRegisters(unsigned long long mask) {
  constexpr int kEcx = 2;
  return HasFeature(1, kEcx, 27) && (_xgetbv(0) & mask) == mask;  // OSXSAVE.
}

inline bool HasAvx2() {
  constexpr int kEbx = 1;
  constexpr int kEcx = 2;
  return SavesRegisters(0x6) && HasFeature(1, kEcx, 12) && HasFeature(1, kEcx, 29) &&
         HasFeature(7, kEbx, 5);  // FMA, F16C, AVX2.
}

// Whether the CPU supports all extensions that CMakeLists.txt enables for the AVX-512 files.
inline bool HasAvx512() {
  constexpr int kEbx = 1;
  return HasAvx2() && SavesRegisters(0xe6) && HasFeature(7, kEbx, 16) && HasFeature(7, kEbx, 17) &&
         HasFeature(7, kEbx, 30) && HasFeature(7, kEbx, 31);  // F, DQ, BW, VL.
}

#elif defined(__x86_64__)

// Whether the CPU supports all extensions that CMakeLists.txt enables for the AVX-512 files.
inline bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}

inline bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

#endif

}  // namespace napi_torch
