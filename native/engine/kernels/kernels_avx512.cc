// See CMakeLists.txt for the flags of this file.
#include <immintrin.h>

#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::engine {
namespace avx512 {
namespace {

constexpr int64_t kLanes = 16;
constexpr int64_t kRows = 14;
constexpr const char* kName = "avx512";

#include "kernels.inl"

}  // namespace

const KernelSet& Get() { return kKernels; }

}  // namespace avx512
}  // namespace napi_torch::engine
