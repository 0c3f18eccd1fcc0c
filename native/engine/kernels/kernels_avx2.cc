// See CMakeLists.txt for the flags of this file.
#include <immintrin.h>

#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::engine {
namespace avx2 {
namespace {

constexpr int64_t kLanes = 8;
constexpr int64_t kRows = 6;
constexpr const char* kName = "avx2";

#include "kernels.inl"

}  // namespace

const KernelSet& Get() { return kKernels; }

}  // namespace avx2
}  // namespace napi_torch::engine
