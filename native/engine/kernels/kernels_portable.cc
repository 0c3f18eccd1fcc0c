// See CMakeLists.txt for the flags of this file.
#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::engine {
namespace portable {
namespace {

constexpr int64_t kLanes = 4;
constexpr int64_t kRows = 6;
constexpr const char* kName = "portable";

#include "kernels.inl"

}  // namespace

const KernelSet& Get() { return kKernels; }

}  // namespace portable
}  // namespace napi_torch::engine
