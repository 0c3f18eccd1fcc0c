// See CMakeLists.txt for the flags of this file.
#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::image {
namespace portable {
namespace {

constexpr int64_t kLanes = 4;
constexpr int64_t kBlock = 4;
constexpr const char* kName = "portable";
using Sums = int32_t __attribute__((vector_size(4 * kLanes)));

inline Sums Load(const uint8_t* from) { return Sums{from[0], from[1], from[2], from[3]}; }

inline void StoreClamped(uint8_t* to, Sums sums) {
  for (int64_t i = 0; i < kLanes; ++i) to[i] = static_cast<uint8_t>(sums[i] < 0 ? 0 : sums[i] > 255 ? 255 : sums[i]);
}

#include "kernels.inl"

}  // namespace

const Kernels& Get() { return kKernels; }

}  // namespace portable
}  // namespace napi_torch::image
