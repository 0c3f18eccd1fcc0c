#include "../../cpu.h"
#include "kernels.h"
#include "kernels_isa.h"

namespace napi_torch::engine {

const KernelSet* KernelSetOf(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return HasAvx512() ? &avx512::Get() : nullptr;
    case Isa::kAvx2:
      return HasAvx2() ? &avx2::Get() : nullptr;
#endif
    case Isa::kPortable:
      return &portable::Get();
    default:
      return nullptr;
  }
}

}  // namespace napi_torch::engine
