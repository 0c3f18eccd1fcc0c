// Memory that the own kernels of several plans have in common, of which only one runs at a time: the plans for small
// batches need none beside that of the plan for the largest.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>

#include "aligned.h"

namespace napi_torch::engine {

class SharedFloats {
 public:
  // Whatever tells uses apart that cannot share memory.
  using Key = std::array<int64_t, 8>;
  using Pointer = std::shared_ptr<float[]>;

  // At least `count` floats: zeros, or what users of the same key left there. A user that has asked for fewer before
  // keeps what it was given.
  Pointer Get(const Key& key, int64_t count) {
    Entry& entry = entries_[key];
    if (entry.count < count) {
      const auto bytes = count * static_cast<int64_t>(sizeof(float));
      AlignedFloats floats = NewFloats(count);
      *bytes_ += bytes;
      entry.floats = Pointer(floats.release(), [total = bytes_, bytes](float* data) {
        AlignedDelete()(data);
        *total -= bytes;
      });
      entry.count = count;
    }
    return entry.floats;
  }

  // Of all that is in use. For all threads.
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
