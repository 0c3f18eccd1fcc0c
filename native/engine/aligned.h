// Memory for vectors: zeros, aligned to a cache line.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

namespace napi_torch::engine {

inline constexpr std::align_val_t kAlignment{64};

struct AlignedDelete {
  void operator()(float* data) const { ::operator delete(data, kAlignment); }
};

using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

inline AlignedFloats NewFloats(int64_t count) {
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  auto* const data = static_cast<float*>(::operator new(bytes, kAlignment));
  std::memset(data, 0, bytes);
  return AlignedFloats(data);
}

}  // namespace napi_torch::engine
