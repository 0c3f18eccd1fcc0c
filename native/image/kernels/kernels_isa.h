// One entry for each compilation of kernels.inl.
#pragma once

#include "kernels.h"

namespace napi_torch::image {

namespace avx512 {
const Kernels& Get();
}
namespace avx2 {
const Kernels& Get();
}
namespace portable {
const Kernels& Get();
}

}  // namespace napi_torch::image
