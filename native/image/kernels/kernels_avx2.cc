// See CMakeLists.txt for the flags of this file.
#include <immintrin.h>

#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::image {
namespace avx2 {
namespace {

constexpr int64_t kLanes = 8;
constexpr int64_t kBlock = 8;
constexpr const char* kName = "avx2";
using Sums = int32_t __attribute__((vector_size(4 * kLanes)));

inline Sums Load(const uint8_t* from) {
  return reinterpret_cast<Sums>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}

inline void StoreClamped(uint8_t* to, Sums sums) {
  const __m256i values = reinterpret_cast<__m256i>(sums);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
}

#include "kernels.inl"

}  // namespace

const Kernels& Get() { return kKernels; }

}  // namespace avx2
}  // namespace napi_torch::image
