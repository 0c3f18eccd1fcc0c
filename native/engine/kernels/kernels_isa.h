// One entry for each compilation of kernels.inl.
#pragma once

#include "kernels.h"

namespace napi_torch::engine {

namespace avx512 {
const KernelSet& Get();
}
namespace avx2 {
const KernelSet& Get();
}
namespace portable {
const KernelSet& Get();
}

}  // namespace napi_torch::engine
