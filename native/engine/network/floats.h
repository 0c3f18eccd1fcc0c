// Float32 memory of the native kernels: aligned for vectors, and shared by plans that never run at the same time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <new>

#include "../../pages.h"

namespace napi_torch::engine {

inline constexpr std::align_val_t kAlignment{64};  // A cache line.

struct AlignedDelete {
  size_t bytes = 0;

  void operator()(float* data) const {
    if (bytes < kMinMapping) {
      ::operator delete(data, kAlignment);
    } else {
      UnmapPages(data, bytes);
    }
  }
};

using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

// `count` zeros, aligned to a cache line.
inline AlignedFloats NewFloats(int64_t count) {
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  void* const data = bytes < kMinMapping ? ::operator new(bytes, kAlignment) : MapHugePages(bytes);
  if (data == nullptr) throw std::bad_alloc();
  if (bytes < kMinMapping) std::memset(data, 0, bytes);
  return AlignedFloats(static_cast<float*>(data), AlignedDelete{bytes});
}

// Memory that several plans of an engine share, as only one of them runs at a time: plans for small batches need none
// beyond that of the plan for the largest batch.
class SharedFloats {
 public:
  // Distinguishes uses that cannot share memory.
  using Key = std::array<int64_t, 8>;
  using Pointer = std::shared_ptr<float[]>;

  // At least `count` floats: zeros, or what earlier users of the key left there. An earlier user that asked for fewer
  // floats keeps the memory that it received.
  Pointer Get(const Key& key, int64_t count) {
    Entry& entry = entries_[key];
    if (entry.count < count) {
      const auto bytes = count * static_cast<int64_t>(sizeof(float));
      AlignedFloats floats = NewFloats(count);
      *bytes_ += bytes;
      const AlignedDelete destroy = floats.get_deleter();
      entry.floats = Pointer(floats.release(), [total = bytes_, bytes, destroy](float* data) {
        destroy(data);
        *total -= bytes;
      });
      entry.count = count;
    }
    return entry.floats;
  }

  // Bytes of all memory in use. Safe to call on any thread.
  int64_t bytes() const { return *bytes_; }

 private:
  struct Entry {
    int64_t count = 0;
    Pointer floats;
  };

  std::map<Key, Entry> entries_;
  std::shared_ptr<std::atomic<int64_t>> bytes_ = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace napi_torch::engine
