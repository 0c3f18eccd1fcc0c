// What the processor can do that runs this, for code that is compiled for several.
#pragma once

namespace napi_torch {

#if defined(__x86_64__)
// All that the files for AVX-512 are compiled for: CMakeLists.txt.
inline bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}

inline bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

}  // namespace napi_torch
