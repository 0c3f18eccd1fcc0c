// See CMakeLists.txt for the flags of this file.
#include <immintrin.h>

#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::image {
namespace avx512 {
namespace {

constexpr int64_t kLanes = 16;
constexpr int64_t kBlock = 4;
constexpr const char* kName = "avx512";
using Sums = int32_t __attribute__((vector_size(4 * kLanes)));

// The masked forms do the same; the others make GCC 12 warn of its own headers.
constexpr __mmask16 kAll = 0xffff;

inline Sums Load(const uint8_t* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return reinterpret_cast<Sums>(_mm512_maskz_cvtepu8_epi32(kAll, bytes));
}

inline void StoreClamped(uint8_t* to, Sums sums) {
  sums = sums < 0 ? Sums{} : sums;
  const __m128i bytes = _mm512_maskz_cvtusepi32_epi8(kAll, reinterpret_cast<__m512i>(sums));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
}

#include "kernels.inl"

}  // namespace

const Kernels& Get() { return kKernels; }

}  // namespace avx512
}  // namespace napi_torch::image
